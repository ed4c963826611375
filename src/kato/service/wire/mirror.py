"""What only new clients ask, on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kato.service.wire.examples import PATTERN, SESSION


class StateAnswer(BaseModel):
    """All of a session."""

    session_id: str = Field(examples=[SESSION])
    node_id: str
    events: list[list[str]] = Field(description="Short-term memory, oldest first.")
    time: int = Field(description="Observations so far.")
    percept: dict[str, Any] = Field(description="The last observation.")
    config: dict[str, Any] = Field(description="Every key.")
    metadata: dict[str, Any]
    created_ms: int = Field(description="ms since 1970.")
    expires_ms: int = Field(description="ms since 1970, if it is not used.")
    lifetime_seconds: int = Field(description="How long it lives on after it was used.")


class ExplanationWanted(BaseModel):
    """What is to be explained."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pattern": PATTERN}]})

    config: dict[str, Any] = Field({}, description="Configuration keys for this call only.")
    pattern: str | None = Field(
        None, description="A pattern's name: the verdict says why it is in the answer or not."
    )


class EventsExplanationWanted(ExplanationWanted):
    """The same, about events that no session holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": [["a"], ["b"]]}]})

    events: list[list[str]] = Field(description="What was observed.")


class StepAnswer(BaseModel):
    """One step of a recall."""

    name: str
    round: int
    candidates_in: int
    candidates_out: int
    rows_read: int
    bytes_read: int
    time_ms: float
    details: dict[str, int]


class VerdictAnswer(BaseModel):
    """Why a pattern is in an answer, or not."""

    pattern: str
    reason: str
    sentence: str
    similarity: float | None
    preliminary: float | None
    filter: str | None
    place: int | None
    rank_value: float | None


class ExplanationAnswer(BaseModel):
    """How an answer is found."""

    plan: Literal["index", "sql", "scan", "none"]
    why: str
    steps: list[StepAnswer]
    ensemble: int
    room: int
    worst_preliminary: float | None
    verdict: VerdictAnswer | None


class NodeCleared(BaseModel):
    """A node is empty."""

    status: Literal["cleared"]
    node_id: str


class StoresAnswer(BaseModel):
    """How much the stores hold."""

    knowledge_bases: int
    journal_entries: int = Field(description="Steps that ClickHouse has not got yet.")
    ledger_bytes: int = Field(description="Memory of the ledger's data.")
    disk_bytes: int = Field(description="ClickHouse's data on disk.")
    ledger_used_bytes: int = Field(description="All memory the ledger's server uses.")
    ledger_limit_bytes: int = Field(
        description="Memory it may use before learning is refused; 0 is no limit."
    )
