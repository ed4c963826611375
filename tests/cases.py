"""Knowledge bases, memories and configurations for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.reference import ReferenceMemory

from kato.model.config import RANK_SORT_ALGOS

# Few symbols, so that they repeat and meet; some are similar, one is empty, one is not ASCII.
SYMBOLS = ("a", "b", "c", "d", "cat", "cart", "carts", "dog", "dig", "", "é")
UNKNOWN_SYMBOLS = ("x", "cats", "dg", "ab")
EMOTIVES = ("joy", "sad")
THRESHOLDS = (0.0, 0.1, 1 / 3, 0.4, 0.5, 2 / 3, 0.8, 1.0)


def events(symbols: tuple[str, ...] = SYMBOLS, longest: int = 6) -> st.SearchStrategy[list[Any]]:
    """Events of one symbol each, or of one to three."""
    single = st.lists(st.sampled_from(symbols), min_size=1, max_size=longest)
    several = st.lists(
        st.lists(st.sampled_from(symbols), min_size=1, max_size=3), min_size=1, max_size=longest
    )
    return single.map(lambda row: [[symbol] for symbol in row]) | several


def lessons() -> st.SearchStrategy[tuple[Any, ...]]:
    """Something to learn: events, emotive records, and how often."""
    record = st.dictionaries(st.sampled_from(EMOTIVES), st.floats(-5, 5), max_size=2)
    return st.tuples(events(), st.lists(record, max_size=3), st.integers(1, 4))


@st.composite
def memories(draw: st.DrawFn, most: int = 8) -> ReferenceMemory:
    """A knowledge base of some patterns."""
    memory = ReferenceMemory()
    for sequence, emotives, times in draw(st.lists(lessons(), min_size=1, max_size=most)):
        for _ in range(times):
            memory.learn(sequence, emotives)
    return memory


@st.composite
def observations(draw: st.DrawFn, longest: int = 6) -> list[list[str]]:
    """A short-term memory, with symbols that are not known, and events without symbols."""
    observed = draw(events(SYMBOLS + UNKNOWN_SYMBOLS, longest))
    if draw(st.booleans()):
        observed.insert(draw(st.integers(0, len(observed))), [])
    return observed


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """How to recall, match, weigh and rank."""
    emotive = draw(st.sampled_from((None, None, *EMOTIVES, "never felt")))
    algos = [a for a in RANK_SORT_ALGOS if emotive or not a.startswith("weighted_")]
    return {
        "recall_threshold": draw(st.sampled_from(THRESHOLDS)),
        "max_predictions": draw(st.sampled_from((1, 2, 100))),
        "use_token_matching": draw(st.sampled_from((True, True, False))),
        "fuzzy_token_threshold": draw(st.sampled_from((0.0, 0.0, 0.5, 2 / 3, 0.8, 1.0))),
        "affinity_emotive": emotive,
        "rank_sort_algo": draw(st.sampled_from(("potential", *algos))),
    }
