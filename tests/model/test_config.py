"""Every configuration key: its default, what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kato.errors import InvalidConfig
from kato.model.config import RANK_SORT_ALGOS, SessionConfig, config_problems

# key: default, values it takes, values it refuses (spec/api.md, section 7)
KEYS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "max_pattern_length": (0, [0, 1, 10**6], [-1, 1.5, "3", True, None]),
    "persistence": (5, [1, 100], [0, 101, 5.0, "5", True, None]),
    "recall_threshold": (0.1, [0, 0.0, 0.5, 1, 1.0], [-0.1, 1.1, "0.5", True, None, float("nan")]),
    "indexer_type": ("VI", ["VI", "LSH", "ANNOY", "FAISS"], ["vi", "", 1, None]),
    "max_predictions": (100, [1, 10_000], [0, 10_001, 1.0, True, None]),
    "sort_symbols": (True, [True, False], [0, "true", None]),
    "process_predictions": (True, [True, False], [1, "false", None]),
    "use_token_matching": (True, [True, False], [1, "yes", None]),
    "fuzzy_token_threshold": (0.0, [0, 0.85, 1], [-0.1, 1.1, True, "0.9", None]),
    "stm_mode": ("CLEAR", ["CLEAR", "ROLLING"], ["clear", "", 1, None]),
    "rank_sort_algo": (
        "potential",
        [algo for algo in RANK_SORT_ALGOS if not algo.startswith("weighted")],
        ["entropy", "weighted_strength", "", 1, None],
    ),
    "affinity_emotive": (None, ["joy", "", "é", None], [1, ["joy"], "\ud800"]),
    "filter_pipeline": ((), [[], ["length"], ("jaccard", "minhash")], ["length", ["bogus"], None]),
    "length_min_ratio": (0.5, [0, 1], [-0.1, 1.1, True, None]),
    "length_max_ratio": (2.0, [1, 50.5], [0.9, True, None, float("nan"), float("inf"), 10**400]),
    "jaccard_threshold": (0.3, [0, 1], [-1, 2, None]),
    "jaccard_min_overlap": (2, [1, 99], [0, 1.5, None]),
    "minhash_threshold": (0.7, [0, 1], [-1, 2, None]),
    "minhash_bands": (20, [1, 100], [0, 101, None]),
    "minhash_rows": (5, [1, 20], [0, 21, None]),
    "minhash_num_hashes": (100, [10, 256], [9, 257, None]),
    "bloom_false_positive_rate": (0.01, [0.0001, 0.1], [0, 0.2, None]),
    "max_candidates_per_stage": (100_000, [100], [99, 100.5, None]),
    "enable_filter_metrics": (True, [True, False], [1, None]),
    "vector_max_distance": (
        None,
        [None, 0, 1.5],
        [-1, "1", True, float("nan"), float("inf"), 10**400],
    ),
}

TAKEN = [(key, value) for key, (_, taken, _) in KEYS.items() for value in taken]
REFUSED = [(key, value) for key, (_, _, refused) in KEYS.items() for value in refused]


def test_the_keys_and_their_defaults() -> None:
    assert msgspec.structs.asdict(SessionConfig()) == {key: row[0] for key, row in KEYS.items()}


@pytest.mark.parametrize(("key", "value"), TAKEN, ids=str)
def test_a_value_it_takes(key: str, value: Any) -> None:
    taken = getattr(SessionConfig().updated(**{key: value}), key)
    assert taken == (tuple(value) if key == "filter_pipeline" else value)


@pytest.mark.parametrize(("key", "value"), REFUSED, ids=ascii)
def test_a_value_it_refuses(key: str, value: Any) -> None:
    with pytest.raises(InvalidConfig, match=key) as refused:
        SessionConfig().updated(**{key: value})
    assert list(refused.value.problems) == [key]
    assert refused.value.remedy


def test_all_problems_are_named_at_once() -> None:
    problems = config_problems({"persistence": 0, "recall_threshold": 2, "nonsense": 1})
    assert problems == {
        "persistence": "Must be an integer between 1 and 100",
        "recall_threshold": "Must be a number between 0.0 and 1.0",
        "nonsense": "No such key",
    }


def test_ranking_by_weights_needs_an_emotive() -> None:
    with pytest.raises(InvalidConfig, match="needs affinity_emotive"):
        SessionConfig().updated(rank_sort_algo="weighted_snr")
    both = SessionConfig().updated(rank_sort_algo="weighted_snr", affinity_emotive="joy")
    with pytest.raises(InvalidConfig, match="needs affinity_emotive"):
        both.updated(affinity_emotive=None)
