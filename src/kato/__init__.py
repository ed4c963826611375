"""A deterministic, explainable memory for sequences."""

from kato.errors import KatoError
from kato.memory import KnowledgeBase, Memory
from kato.memory import open_memory as open  # noqa: A004 - reads as kato.open
from kato.model.config import SessionConfig
from kato.model.example import Example
from kato.model.pattern import Pattern
from kato.model.prediction import Prediction, Predictions
from kato.session import Session
from kato.settings import Settings

__all__ = [
    "Example",
    "KatoError",
    "KnowledgeBase",
    "Memory",
    "Pattern",
    "Prediction",
    "Predictions",
    "Session",
    "SessionConfig",
    "Settings",
    "open",
]
