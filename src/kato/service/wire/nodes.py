"""Nodes on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kato.service.wire.examples import PATTERN
from kato.service.wire.predictions import FutureAnswer, PredictionAnswer


class NodeAnswer(BaseModel):
    """A node: a knowledge base under its name."""

    node_id: str = Field(examples=["alice"])
    label: str = Field(description="What old answers call it.", examples=["alice_kato"])


class NodesAnswer(BaseModel):
    """Some of the nodes, by name."""

    nodes: list[NodeAnswer]
    next: str | None = Field(description="The next page comes `after` this; null at the end.")


class NodeStatistics(NodeAnswer):
    """What a node holds."""

    patterns: int
    symbols: int = Field(description="Distinct symbols in them.")
    pattern_frequencies: int = Field(description="Sum of their frequencies: every learn counts.")
    total_symbols: int = Field(description="Symbols learned, repeats and relearns included.")


class NodeDeleted(BaseModel):
    """A node is gone, with all it held."""

    status: Literal["deleted"]
    node_id: str


class NodeSettings(BaseModel):
    """What is settled about a node."""

    disposable: bool = Field(
        description="Whether `DELETE /nodes/{node}` and imports that replace may drop all it holds."
    )


class NodeSettingsAnswer(NodeSettings):
    """What is settled about a node, and which."""

    node_id: str = Field(examples=["alice"])


class SequenceToLearn(BaseModel):
    """One sequence to learn."""

    events: list[list[str]]
    emotives: dict[str, float] = Field({}, description="Numbers by name.")
    metadata: dict[str, Any] = Field({}, description="Anything by name; values are kept as text.")


class LearnWanted(BaseModel):
    """Sequences to learn; each is checked by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sequences": [{"events": [["a"], ["b"]], "emotives": {"joy": 1}}]}]
        }
    )

    sequences: list[Any] = Field(
        description="Objects with `events`, and with `emotives` and `metadata` where there are any."
    )


class LearnedItem(BaseModel):
    """A sequence that was taken."""

    status: Literal["learned"]
    pattern_name: str = Field(
        description="Empty if there were fewer than two symbols.", examples=[PATTERN]
    )
    new: bool = Field(description="Whether the pattern was not known.")


class RefusedItem(BaseModel):
    """A sequence that cannot be used."""

    status: Literal["error"]
    message: str


class LearnedEach(BaseModel):
    """What became of each sequence, in their order."""

    results: list[LearnedItem | RefusedItem]
    node_id: str


class NodePredictWanted(BaseModel):
    """What to predict from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [["a"], ["b"]], "explain": True}]}
    )

    events: list[list[str]] = Field(description="The memory; nothing is kept of it.")
    config: dict[str, Any] = Field({}, description="Configuration keys.")
    explain: bool = Field(False, description="Tell how the answer was found.")


class NodePredictions(BaseModel):
    """Ranked predictions, and the futures they agree on."""

    predictions: list[PredictionAnswer]
    future_potentials: list[FutureAnswer] | None
    count: int
    node_id: str
    explanation: dict[str, Any] | None = None
