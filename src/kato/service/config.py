"""Session configurations on the wire: old clients' keys are taken, garbage is refused."""

from __future__ import annotations

from typing import Any

from kato.errors import InvalidConfig
from kato.model.config import STM_MODES, SessionConfig

IGNORED = ("session_id", "node_id", "version", "created_at", "updated_at", "indexer_dimensions")
"""Keys that old clients send along."""

SHOWN_WHEN_SET = ("fuzzy_token_threshold", "affinity_emotive", "vector_max_distance")
"""Keys that the answer has only where they are not at their defaults."""

_DEFAULTS = SessionConfig()

_ORDER = (
    "max_pattern_length",
    "persistence",
    "recall_threshold",
    "indexer_type",
    "max_predictions",
    "sort_symbols",
    "process_predictions",
    "use_token_matching",
    "fuzzy_token_threshold",
    "stm_mode",
    "rank_sort_algo",
    "affinity_emotive",
    "filter_pipeline",
)

KEYS = (*_ORDER, *(key for key in SessionConfig.__struct_fields__ if key not in _ORDER))
"""All keys, in the order they are answered."""


def wire_config(config: SessionConfig) -> dict[str, Any]:
    """A configuration as it is answered.

    >>> list(wire_config(SessionConfig()))[:3]
    ['max_pattern_length', 'persistence', 'recall_threshold']
    >>> "affinity_emotive" in wire_config(SessionConfig())
    False
    """
    return {
        key: value
        for key in KEYS
        if (value := getattr(config, key)) != getattr(_DEFAULTS, key) or key not in SHOWN_WHEN_SET
    }


def changes_of(given: dict[str, Any]) -> dict[str, Any]:
    """The changes of a configuration that a client asks for, once the session is there.

    ``sort_symbols`` goes with ``use_token_matching`` unless it is given too.

    Raises:
        InvalidConfig: The legacy key ``sort`` is no boolean.

    >>> changes_of({"use_token_matching": False, "version": 3})
    {'use_token_matching': False, 'sort_symbols': False}
    """
    changes = known_keys(given)
    if isinstance(changes.get("use_token_matching"), bool):
        changes.setdefault("sort_symbols", changes["use_token_matching"])
    return changes


def known_keys(given: dict[str, Any]) -> dict[str, Any]:
    """Without the keys nobody knows. An ``stm_mode`` that is none is CLEAR, as it always was.

    Raises:
        InvalidConfig: The legacy key ``sort`` is no boolean.
    """
    if not isinstance(given.get("sort", True), bool):
        raise InvalidConfig({"sort": "Must be a boolean (true/false)"})
    known = {key: value for key, value in given.items() if key in KEYS}
    if isinstance(mode := known.get("stm_mode"), str) and mode not in STM_MODES:
        known["stm_mode"] = "CLEAR"
    return known


def beginning_config(given: dict[str, Any] | None) -> SessionConfig:
    """The configuration a session begins with.

    Raises:
        InvalidConfig: A value cannot be used.
    """
    return SessionConfig().updated(**known_keys(given or {}))
