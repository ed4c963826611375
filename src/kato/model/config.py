"""The configuration of a session: every key with its type, range and default."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from kato.errors import InvalidConfig
from kato.model.filter_names import filter_names

RankSortAlgo = Literal[
    "potential",
    "similarity",
    "evidence",
    "confidence",
    "snr",
    "fragmentation",
    "frequency",
    "normalized_entropy",
    "global_normalized_entropy",
    "itfdf_similarity",
    "confluence",
    "predictive_information",
    "bayesian_posterior",
    "bayesian_prior",
    "bayesian_likelihood",
    "tfidf_score",
    "weighted_similarity",
    "weighted_evidence",
    "weighted_confidence",
    "weighted_snr",
]
RANK_SORT_ALGOS: tuple[str, ...] = RankSortAlgo.__args__  # type: ignore[attr-defined]
INDEXER_TYPES = ("VI", "LSH", "ANNOY", "FAISS")
STM_MODES = ("CLEAR", "ROLLING")


class SessionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a session remembers, recalls and ranks (``spec/api.md`` section 7).

    Attributes:
        max_pattern_length: Events at which short-term memory is learned by itself; 0 never.
        persistence: Newest emotive records a pattern keeps, 1-100.
        recall_threshold: Least similarity of a recalled pattern, 0-1, inclusive.
        indexer_type: VI, LSH, ANNOY or FAISS; kept for old clients, changes nothing.
        max_predictions: Most predictions in an answer, 1-10000.
        sort_symbols: Whether the symbols of an event are put in code point order.
        process_predictions: Whether ``cognition-data`` answers carry predictions.
        use_token_matching: Similarity by whole symbols; by characters if False.
        fuzzy_token_threshold: Least character ratio at which an observed symbol is taken for a
            pattern's, 0-1; 0 is off.
        stm_mode: What an automatic learn leaves: CLEAR nothing, ROLLING all but the oldest event.
        rank_sort_algo: The number predictions are ranked by, highest first.
        affinity_emotive: The emotive whose affinities weigh the symbols; None is off.
        filter_pipeline: Filters in order, of length, jaccard, minhash, bloom, rapidfuzz and those
            that other packages register; empty is exact recall.
        length_min_ratio: ``length``: least pattern length by observed length, 0-1.
        length_max_ratio: ``length``: greatest pattern length by observed length, 1 or more.
        jaccard_threshold: ``jaccard``: least share of common symbols, 0-1.
        jaccard_min_overlap: ``jaccard``: least number of common symbols, 1 or more.
        minhash_threshold: ``minhash``: least share of equal signature values, 0-1.
        minhash_bands: ``minhash``: bands, 1-100.
        minhash_rows: ``minhash``: signature values a band, 1-20.
        minhash_num_hashes: ``minhash``: signature values, 10-256.
        bloom_false_positive_rate: ``bloom``: 0.0001-0.1.
        max_candidates_per_stage: Most candidates a filter lets through, 100 or more.
        enable_filter_metrics: Whether filters report counts and times.
        vector_max_distance: Greatest L2 distance of a stored vector that is named beside an
            observed one, 0 or more; None is any.

    >>> SessionConfig().updated(recall_threshold=0.5).recall_threshold
    0.5
    """

    max_pattern_length: int = 0
    persistence: int = 5
    recall_threshold: float = 0.1
    indexer_type: str = "VI"
    max_predictions: int = 100
    sort_symbols: bool = True
    process_predictions: bool = True
    use_token_matching: bool = True
    fuzzy_token_threshold: float = 0.0
    stm_mode: str = "CLEAR"
    rank_sort_algo: str = "potential"
    affinity_emotive: str | None = None
    filter_pipeline: tuple[str, ...] = ()
    length_min_ratio: float = 0.5
    length_max_ratio: float = 2.0
    jaccard_threshold: float = 0.3
    jaccard_min_overlap: int = 2
    minhash_threshold: float = 0.7
    minhash_bands: int = 20
    minhash_rows: int = 5
    minhash_num_hashes: int = 100
    bloom_false_positive_rate: float = 0.01
    max_candidates_per_stage: int = 100_000
    enable_filter_metrics: bool = True
    vector_max_distance: float | None = None

    def updated(self, **changes: Any) -> SessionConfig:
        """A copy with the changes, checked.

        Raises:
            InvalidConfig: A key is unknown or a value of a wrong type or out of range; every
                problem is listed.
        """
        problems = config_problems(changes)
        if problems:
            raise InvalidConfig(problems)
        if "filter_pipeline" in changes:
            changes["filter_pipeline"] = tuple(changes["filter_pipeline"])
        changed = msgspec.structs.replace(self, **changes)
        _check_ranking(changed)
        return changed


def config_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Why values cannot be used, by key; empty if all can.

    >>> config_problems({"persistence": 0, "recall_threshold": 1})
    {'persistence': 'Must be an integer between 1 and 100'}
    """
    problems = {}
    for key, value in values.items():
        rule = _RULES.get(key)
        if rule is None:
            problems[key] = "No such key"
        elif not rule[0](value):
            problems[key] = rule[1] if isinstance(rule[1], str) else rule[1]()
    return problems


def _check_ranking(config: SessionConfig) -> None:
    if config.rank_sort_algo.startswith("weighted_") and config.affinity_emotive is None:
        raise InvalidConfig(
            {"rank_sort_algo": f"{config.rank_sort_algo} needs affinity_emotive to be set"}
        )


_Rule = tuple[Callable[[Any], bool], str | Callable[[], str]]


def _integer(low: int, high: int | None, message: str) -> _Rule:
    # bool is an int in Python; true and false are no counts.
    return (
        lambda v: type(v) is int and v >= low and (high is None or v <= high),
        message,
    )


def _number(low: float, high: float | None) -> _Rule:
    message = f"Must be a number between {low} and {high}" if high else f"Must be {low} or more"
    # Without a bound of its own, a number that JSON can hold: sessions are kept in it.
    most = sys.float_info.max if high is None else high
    return lambda v: type(v) in (int, float) and low <= v <= most, message


def _choice(values: tuple[str, ...]) -> _Rule:
    return lambda v: isinstance(v, str) and v in values, "Must be one of: " + ", ".join(values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_pipeline(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(name, str) and name in filter_names() for name in value
    )


def _pipeline_message() -> str:
    return "Must be a list of: " + ", ".join(filter_names())


_BOOLEAN: _Rule = (lambda v: isinstance(v, bool), "Must be a boolean (true/false)")

_RULES: dict[str, _Rule] = {
    "max_pattern_length": _integer(0, None, "Must be a non-negative integer"),
    "persistence": _integer(1, 100, "Must be an integer between 1 and 100"),
    "recall_threshold": _number(0.0, 1.0),
    "indexer_type": _choice(INDEXER_TYPES),
    "max_predictions": _integer(1, 10_000, "Must be an integer between 1 and 10000"),
    "sort_symbols": _BOOLEAN,
    "process_predictions": _BOOLEAN,
    "use_token_matching": _BOOLEAN,
    "fuzzy_token_threshold": _number(0.0, 1.0),
    "stm_mode": _choice(STM_MODES),
    "rank_sort_algo": _choice(RANK_SORT_ALGOS),
    "affinity_emotive": (lambda v: v is None or _is_text(v), "Must be a string or null"),
    "filter_pipeline": (_is_pipeline, _pipeline_message),
    "length_min_ratio": _number(0.0, 1.0),
    "length_max_ratio": _number(1.0, None),
    "jaccard_threshold": _number(0.0, 1.0),
    "jaccard_min_overlap": _integer(1, None, "Must be a positive integer"),
    "minhash_threshold": _number(0.0, 1.0),
    "minhash_bands": _integer(1, 100, "Must be an integer between 1 and 100"),
    "minhash_rows": _integer(1, 20, "Must be an integer between 1 and 20"),
    "minhash_num_hashes": _integer(10, 256, "Must be an integer between 10 and 256"),
    "bloom_false_positive_rate": _number(0.0001, 0.1),
    "max_candidates_per_stage": _integer(100, None, "Must be an integer of 100 or more"),
    "enable_filter_metrics": _BOOLEAN,
    "vector_max_distance": (
        lambda v: v is None or _number(0.0, None)[0](v),
        "Must be a number of 0 or more, or null",
    ),
}
