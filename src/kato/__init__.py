"""A deterministic, explainable memory for sequences.

>>> import kato, tempfile
>>> with kato.open(tempfile.mkdtemp()) as memory:
...     kb = memory.knowledge_base("letters")
...     _ = kb.learn([["a"], ["b"], ["c"]])
...     kb.predict([["a"], ["b"]])[0].future
[['c']]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# The engines take a second to import; who only wants `kato --help` or an error does not wait.
_HOMES = {
    "Example": ("kato.model.example", "Example"),
    "KatoError": ("kato.errors", "KatoError"),
    "KnowledgeBase": ("kato.memory", "KnowledgeBase"),
    "Memory": ("kato.memory", "Memory"),
    "Pattern": ("kato.model.pattern", "Pattern"),
    "Prediction": ("kato.model.prediction", "Prediction"),
    "Predictions": ("kato.model.prediction", "Predictions"),
    "Session": ("kato.session", "Session"),
    "SessionConfig": ("kato.model.config", "SessionConfig"),
    "Settings": ("kato.settings", "Settings"),
    "open": ("kato.memory", "open_memory"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kato' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return __all__
