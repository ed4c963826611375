"""Patterns and symbols on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from kato.service.wire.examples import PATTERN


class PatternData(BaseModel):
    """A pattern."""

    name: str = Field(examples=[PATTERN])
    pattern_data: list[list[str]]
    length: int
    frequency: int
    emotives: list[dict[str, float]]
    metadata: dict[str, list[str]]


class PatternFound(BaseModel):
    """A pattern that is there."""

    status: Literal["okay"]
    pattern: PatternData


class PatternMissing(BaseModel):
    """A pattern that is not there."""

    status: Literal["error"]
    message: str


class PatternAnswer(BaseModel):
    """A pattern, or that there is none: old clients read the status in it."""

    pattern: PatternFound | PatternMissing
    node_id: str = Field(description="The node's label.")


class SymbolCounts(BaseModel):
    """How often a symbol was learned, and in how many patterns it is."""

    name: str
    frequency: int
    pattern_member_frequency: int


class SymbolsAnswer(BaseModel):
    """Every symbol's counts."""

    symbols: dict[str, SymbolCounts]
    node_id: str


class AffinitiesAnswer(BaseModel):
    """Every symbol's affinities."""

    affinities: dict[str, dict[str, float]]
    node_id: str


class AffinityAnswer(BaseModel):
    """A symbol's affinities."""

    symbol: str
    affinity: dict[str, float]
    node_id: str
