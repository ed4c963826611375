"""Patterns of a node on the wire: listed, edited, and moved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = "b98534b32c1d7489d4ce1a48724aa65aeecbdba9"


class PatternShown(BaseModel):
    """A pattern with all it carries."""

    name: str = Field(examples=[NAME])
    events: list[list[str]]
    length: int = Field(description="Symbols in all events.")
    frequency: int = Field(description="How often it was learned.")
    emotives: list[dict[str, float]] = Field(description="Its newest records, oldest first.")
    metadata: dict[str, list[str]] = Field(description="By key, the distinct values.")


class PatternsAnswer(BaseModel):
    """Some of the patterns, in the order they were first learned."""

    patterns: list[PatternShown]
    next: str | None = Field(description="The next page comes `after` this; null at the end.")


class CountAnswer(BaseModel):
    """How many patterns there are."""

    count: int


class PatternEdit(BaseModel):
    """What is to change; what is left out, or null, stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"frequency": 3, "metadata": {"day": ["monday"]}}]}
    )

    frequency: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = None
    emotives: list[dict[str, float]] | None = Field(None, description="All its records.")
    metadata: dict[str, list[str]] | None = Field(None, description="All its values, by key.")


class PatternDeleted(BaseModel):
    """A pattern is gone, and its share of every counter."""

    status: Literal["deleted"]
    name: str = Field(examples=[NAME])


class BadRow(BaseModel):
    """A row that was not taken."""

    line: int = Field(description="Its line, or its row in Parquet, from 1.")
    reason: str


class ImportAnswer(BaseModel):
    """What became of the rows."""

    status: Literal["completed"]
    node_id: str
    rows: int = Field(description="Rows read, empty lines left out.")
    new: int = Field(description="Patterns that were not known.")
    merged: int = Field(description="Rows added to patterns that were known.")
    too_short: int = Field(description="Rows of fewer than two symbols; they are no patterns.")
    bad: int = Field(description="Rows that cannot be used.")
    bad_rows: list[BadRow] = Field(description="The first 100 of them.")
