"""Observations and what they do, on the wire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from kato.service.wire.examples import OBSERVATION, PATTERN, SESSION

OPERATION = "An id of the request: the same again is answered again, and not done twice."


class ObservationWanted(BaseModel):
    """What is observed at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"strings": ["hello", "world"]}]})

    strings: list[str] = Field([], description="The event's symbols.")
    vectors: list[list[float]] = Field([], description="Vectors seen with them.")
    emotives: dict[str, float] = Field({}, description="Numbers by name.")
    metadata: dict[str, Any] = Field({}, description="Anything by name; values are kept as text.")


class ObservationInSequence(ObservationWanted):
    """One of several observations."""

    unique_id: str | None = Field(None, description="A name for it; it is given one otherwise.")


class SequenceWanted(BaseModel):
    """Observations, one after the other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"observations": [{"strings": ["a"]}, {"strings": ["b"]}], "learn_at_end": True}
            ]
        }
    )

    observations: list[ObservationInSequence]
    learn_after_each: bool = Field(False, description="Learn after each.")
    learn_at_end: bool = Field(False, description="Learn what is left at the end.")
    clear_stm_between: bool = Field(False, description="Drop the events before each but the first.")


class PlainObservation(msgspec.Struct, frozen=True):
    """A usual :class:`ObservationWanted`, see :mod:`kato.service.direct`."""

    strings: list[str] = []
    vectors: list[list[float]] = []
    emotives: dict[str, float] = {}
    metadata: dict[str, Any] = {}


class PlainObservationInSequence(PlainObservation, frozen=True):
    """A usual :class:`ObservationInSequence`."""

    unique_id: str | None = None


class PlainSequence(msgspec.Struct, frozen=True):
    """A usual :class:`SequenceWanted`."""

    observations: list[PlainObservationInSequence]
    learn_after_each: bool = False
    learn_at_end: bool = False
    clear_stm_between: bool = False


class ObservedAnswer(BaseModel):
    """What an observation did."""

    status: Literal["okay"]
    session_id: str = Field(examples=[SESSION])
    processor_id: str = Field(description="The node.")
    stm_length: int
    time: int
    unique_id: str = Field(examples=[OBSERVATION])
    auto_learned_pattern: str | None = Field(examples=[PATTERN])


class ObservedInSequence(BaseModel):
    """What one of several observations did."""

    status: Literal["okay"]
    sequence_position: int
    stm_length: int
    time: int
    unique_id: str
    auto_learned_pattern: str | None


class SequenceAnswer(BaseModel):
    """What the observations did."""

    status: Literal["completed"]
    processor_id: str
    observations_processed: int
    initial_stm_length: int
    final_stm_length: int
    results: list[ObservedInSequence]
    auto_learned_patterns: list[str]
    final_learned_pattern: str | None
    isolated: bool


class MemoryAnswer(BaseModel):
    """Short-term memory."""

    stm: list[list[str]]
    session_id: str
    length: int


class LearnedAnswer(BaseModel):
    """A pattern was learned."""

    status: Literal["learned"]
    pattern_name: str = Field(description="Empty if there were fewer than two symbols.")
    session_id: str
    processor_id: None
    message: str


class Cleared(BaseModel):
    """It is empty."""

    status: Literal["cleared"]
    session_id: str


class ClearedAll(Cleared):
    """It is empty, and so is the node."""

    scope: Literal["all"]


class TrainingAnswer(BaseModel):
    """Nothing was to be done; told as before."""

    status: Literal["completed"]
    patterns_processed: int
    time_ms: float
    session_id: str
    node_id: str
    message: str


class PerceptAnswer(BaseModel):
    """The last observation."""

    percept_data: dict[str, Any]
    session_id: str
    node_id: str


class CognitionAnswer(BaseModel):
    """What the session has in mind."""

    cognition_data: dict[str, Any]
    session_id: str
    node_id: str
