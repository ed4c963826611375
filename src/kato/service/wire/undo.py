"""Undo on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from kato.service.wire.examples import PATTERN


class UndoableChange(BaseModel):
    """A change that took something away."""

    kind: Literal["forget", "clear", "drop", "replace"] = Field(
        description="A pattern forgotten, a node cleared, dropped with its name, or what it held"
        " replaced by an undo."
    )
    node_id: str = Field(examples=["alice"])
    pattern: str | None = Field(
        description="The forgotten pattern; null if it was about all.", examples=[PATTERN]
    )
    patterns: int = Field(description="How many were taken away.")
    at: float = Field(description="When that was, s since 1970.")
    until: float = Field(description="Until when it can be undone, s since 1970.")


class UndoableAnswer(BaseModel):
    """What can be undone, the last change first."""

    changes: list[UndoableChange]


class UndoAnswer(UndoableChange):
    """A change was undone."""

    status: Literal["undone"]
