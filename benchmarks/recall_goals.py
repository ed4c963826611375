"""What recall should reach over Zipf-distributed symbols, and what a run measured of it."""

from __future__ import annotations

from typing import Any, NamedTuple

WINDOW_MS = {
    ("index", 100_000): (8, 30, 100),
    ("index", 1_000_000): (15, 80, 200),
    ("index", 10_000_000): (40, 300, 600),
    ("sql", 100_000): (40, 100, 200),
    ("sql", 1_000_000): (120, 600, 1000),
    ("sql", 10_000_000): (300, 3000, 4500),
}
"""p50, p95 and the worst of windows, by plan and sequences."""

AIMED = sorted({size for _, size in WINDOW_MS})
"""The sizes there are goals for."""

FREQUENT_MS = {100_000: 12, 1_000_000: 45, 10_000_000: 90}
"""p50 of the index for frequent symbols, by sequences."""

ROUNDS = 2
INDEX_BYTES = 115
READY_SECONDS_PER_MILLION = 1.5
FIRST_SECONDS = 0.5
LARGE = 10_000_000
LARGE_PER_SECOND = 15
LARGE_SECONDS = 1200
LARGE_MIB = 8192


class Goal(NamedTuple):
    """A goal, and what was measured of it.

    Attributes:
        name: What it is about, with its unit.
        limit: What should be reached.
        measured: What was.
        least: Whether the limit is the least, not the most, it should be.
    """

    name: str
    limit: float
    measured: float
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was reached.

        >>> Goal("ms", 8, 7.5).met, Goal("predictions/s", 15, 14, least=True).met
        (True, False)
        """
        return self.measured >= self.limit if self.least else self.measured <= self.limit


def goals(run: dict[str, Any]) -> list[Goal]:
    """Every goal there is for a run of this size, of what it measured."""
    found = [goal for plan in run["plans"] for goal in _plan_goals(run, plan)]
    return [*found, *_index_goals(run)] if "started" in run else found


def _plan_goals(run: dict[str, Any], plan: str) -> list[Goal]:
    size, kinds = run["learned"]["sequences"], run["plans"][plan]["kinds"]
    window = kinds["window"]
    limits = zip(("p50", "p95", "max"), WINDOW_MS.get((plan, size), ()), strict=False)
    found = [
        Goal(f"{plan}, window, {name}, ms", limit, window["wall_ms"][name])
        for name, limit in limits
    ]
    if plan == "index" and size in FREQUENT_MS:
        p50 = kinds["frequent"]["wall_ms"]["p50"]
        found.append(Goal("index, frequent symbols, p50, ms", FREQUENT_MS[size], p50))
    if plan == "sql":
        found.append(Goal("sql, rounds", ROUNDS, window["took"]["rounds"]["max"]))
    return found


def _index_goals(run: dict[str, Any]) -> list[Goal]:
    size = run["learned"]["sequences"]
    started, learned = run["started"], run["learned"]
    ready = max(1.0, size / 1e6) * READY_SECONDS_PER_MILLION
    found = [
        Goal("index, bytes a pattern", INDEX_BYTES, run["index"]["bytes_per_pattern"]),
        Goal("index ready after a start, s", ready, started["index_ready_seconds"]),
        Goal("index built anew, s", ready, run["started_anew"]["index_ready_seconds"]),
        Goal(
            "first prediction, files not in the page cache, s",
            FIRST_SECONDS,
            started["first_prediction_seconds"],
        ),
        Goal(
            "first prediction, s",
            FIRST_SECONDS,
            run["started_warm"]["first_prediction_seconds"],
        ),
    ]
    if size < LARGE:
        return found
    seconds = learned["seconds"] + learned["flush_seconds"] + run["index"]["seconds"]
    rate = run["threads"]["2_threads"]["predictions_per_second"]
    return [
        *found,
        Goal("predictions a second by two threads", LARGE_PER_SECOND, rate, least=True),
        Goal("learned and indexed, s", LARGE_SECONDS, round(seconds, 1)),
        Goal("most memory of process and ledger, MiB", LARGE_MIB, run["peak_mib"]),
    ]
