"""Predictions on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AnomalyAnswer(BaseModel):
    """An observed symbol that was taken for a similar one."""

    observed: str
    expected: str
    similarity: float


class PredictionAnswer(BaseModel):
    """A recalled pattern, and how it matches; the documents explain each number."""

    type: str
    name: str
    frequency: int
    emotives: dict[str, float]
    matches: list[str]
    past: list[list[str]]
    present: list[list[str]]
    missing: list[list[str]]
    extras: list[list[str]]
    anomalies: list[AnomalyAnswer]
    potential: float
    evidence: float
    similarity: float
    fragmentation: float
    snr: float
    confluence: float
    predictive_information: float
    sequence: list[list[str]]
    future: list[list[str]]
    confidence: float
    weighted_similarity: float | None
    weighted_evidence: float | None
    weighted_confidence: float | None
    weighted_snr: float | None
    entropy: float
    normalized_entropy: float
    global_normalized_entropy: float
    itfdf_similarity: float
    tfidf_score: float
    pattern_probability: float
    weighted_strength: float
    bayesian_posterior: float
    bayesian_prior: float
    bayesian_likelihood: float


class FutureAnswer(BaseModel):
    """A future that recalled patterns agree on."""

    future: list[list[str]]
    aggregate_potential: float
    supporting_patterns: int
    total_weighted_frequency: float


class PredictionsAnswer(BaseModel):
    """Ranked predictions, and the futures they agree on."""

    predictions: list[PredictionAnswer]
    future_potentials: list[FutureAnswer] | None
    session_id: str
    processor_id: None
    count: int
    time: None
    unique_id: None


class ExplainedAnswer(PredictionsAnswer):
    """The same, and how they were found if that was asked."""

    explanation: dict[str, Any] | None = None


class PredictWanted(BaseModel):
    """How to predict, this time."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"config": {"recall_threshold": 0.5}, "explain": True}]}
    )

    config: dict[str, Any] = Field({}, description="Configuration keys for this call only.")
    explain: bool = Field(False, description="Tell how the answer was found.")
