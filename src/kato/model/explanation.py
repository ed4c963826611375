"""How an answer was found, and why a pattern is in it or not."""

from __future__ import annotations

from typing import Literal

import msgspec

Reason = Literal[
    "answered",
    "not among the best",
    "below the cut",
    "below the threshold",
    "nothing in common",
    "begins otherwise",
    "filtered",
    "not learned",
    "nothing observed",
]
"""Why a pattern is in an answer, or not; the later ones are found out first."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a recall, or of measuring what was recalled.

    Attributes:
        name: ``sample``, ``index``, ``postings``, ``scan``, ``tail``, ``filter`` and its name,
            ``match`` (what passed the filters), or ``measure``.
        round: 1, or 2 where a guess of the first round was too high and all is looked at again.
        candidates_in: Pattern ids the step answers for; ids of forgotten patterns count, as what
            was forgotten is found out on the way. Of a filter, ``match`` and ``measure``: patterns.
        candidates_out: The patterns that are left: of a filter those that passed, of ``measure``
            the predictions; of all others the best so far, with those of the steps before.
        rows_read: Patterns whose symbols were read: those that ClickHouse answered, the index
            compared, or the tail holds. What ClickHouse passes over is not told.
        bytes_read: Bytes of ClickHouse's answers; memory of this process is not counted.
        time_ms: Milliseconds.
        details: Other counts by what they count.
    """

    name: str
    round: int
    candidates_in: int
    candidates_out: int
    rows_read: int
    bytes_read: int
    time_ms: float
    details: dict[str, int] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Why a pattern is in an answer, or not.

    Attributes:
        pattern: Its name.
        reason: In one of a few fixed words.
        sentence: The same with the numbers that decided.
        similarity: Of the memory with it, 0 to 1; None if it came to none.
        preliminary: Its preliminary potential, which decides who is in the ensemble
            (``spec/algorithms.md`` 7.3); None if it came to none.
        filter: The filter that refused it, or that let through enough others before it.
        place: Its place in the ensemble by the rank value, from 1 on; None if it is not there.
        rank_value: The number that ranked it there.
    """

    pattern: str
    reason: Reason
    sentence: str
    similarity: float | None = None
    preliminary: float | None = None
    filter: str | None = None
    place: int | None = None
    rank_value: float | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer was found.

    Attributes:
        plan: What looked for patterns: ``index``, ``sql`` (postings in ClickHouse), ``scan``, or
            ``none`` if there was nothing to look for.
        why: Why this plan.
        steps: What was done, in order.
        ensemble: How many patterns it holds.
        room: How many it may hold, 3 for each prediction that may be answered.
        worst_preliminary: The lowest preliminary potential in it; None if it is empty.
        verdict: About the pattern that was asked for, if one was.
    """

    plan: str
    why: str
    steps: list[Step]
    ensemble: int
    room: int
    worst_preliminary: float | None = None
    verdict: Verdict | None = None
