"""The tables of ``docs/recall.md``, made of the results of :mod:`benchmarks.recall`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.recall_goals import AIMED, Goal, goals
from benchmarks.recall_growth import results


def recall() -> str:
    """Latency by plan and number of patterns, and what it took."""
    head = [
        "| data | patterns | plan | window, p50 / p95 / p99 / max | of processors, p50 "
        "| frequent symbols, p50 | one or two events, p50 | took, p50 |",
        "|---|--:|---|--:|--:|--:|--:|---|",
    ]
    rows = [row for data, size in _recall_runs() for row in _plan_rows(data, size)]
    return "\n".join([*head, *rows, "", _recall_note()])


def recall_stores() -> str:
    """What building, keeping and starting takes, by number of patterns."""
    head = [
        "| data | patterns | learned in | indexed in | ledger | disk | index | built from nothing "
        "| ready after a start | first prediction | most memory |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    runs = [(data, run) for data, run in _recall_runs() if "started" in run]
    return "\n".join([*head, *(_store_row(data, run) for data, run in runs)])


def recall_goals() -> str:
    """What was aimed at over Zipf-distributed symbols, and what was reached."""
    runs = [(size, run) for size, run in results()["runs"]["zipf"].items() if int(size) in AIMED]
    by_name: dict[str, dict[str, str]] = {}
    for size, run in runs:
        for goal in goals(run):
            by_name.setdefault(goal.name, {})[size] = _reached(goal)
    sizes = [size for size, _ in runs]
    head = ["", *(f"{int(size):,} sequences" for size in sizes)]
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            f"|---|{'--:|' * len(sizes)}",
            *(
                f"| {name} | {' | '.join(found.get(size, '') for size in sizes)} |"
                for name, found in by_name.items()
            ),
        ]
    )


RECALL_TABLES: dict[str, Callable[[], str]] = {
    "recall": recall,
    "recall-stores": recall_stores,
    "recall-goals": recall_goals,
}
"""Of ``docs/recall.md``."""


def _reached(goal: Goal) -> str:
    measured = f"{goal.measured:.3g}" if goal.measured < 1000 else f"{goal.measured:,.0f}"
    kind = "at least" if goal.least else "at most"
    return f"{measured if goal.met else f'**{measured}**'} ({kind} {goal.limit:,g})"


def _recall_runs() -> list[tuple[str, dict[str, Any]]]:
    """Runs by data and number of patterns."""
    runs = results()["runs"].items()
    return [(data, run) for data, sizes in runs if data != "many" for run in sizes.values()]


def _plan_rows(data: str, run: dict[str, Any]) -> list[str]:
    return [_plan_row(data, run, plan, found) for plan, found in run["plans"].items()]


def _plan_row(data: str, run: dict[str, Any], plan: str, found: dict[str, Any]) -> str:
    window = found["kinds"]["window"]
    medians = (found["kinds"].get(kind) for kind in ("frequent", "short"))
    took = (
        f"{count['p50']:,} {name}" for name, count in window.get("took", {}).items() if count["max"]
    )
    cells = (
        data,
        f"{run['learned']['patterns']:,}",
        plan,
        " / ".join(f"{window['wall_ms'][name]:.3g}" for name in ("p50", "p95", "p99", "max")),
        f"{window['cpu_ms']['p50']:.3g}",
        *(f"{kind['wall_ms']['p50']:.3g}" if kind else "" for kind in medians),
        ", ".join(took) or _minhash_found(found),
    )
    return "| " + " | ".join(cells) + " |"


def _minhash_found(found: dict[str, Any]) -> str:
    bands = found.get("found", {}).items()
    shares = (
        f"{each['found'] / each['predictions']:.0%} at {band.replace('-', '–')}"
        for band, each in bands
        if each["predictions"]
    )
    return "finds " + ", ".join(shares) if bands else ""


def _recall_note() -> str:
    measured = results()
    machine, fit = measured["environment"], measured["fits"].get("zipf", {}).get("index")
    asked = (run["exact"]["answers"].get("exhaustive") for _, run in _recall_runs())
    compared = min((count for count in asked if count), default=0)
    lines = [
        "Milliseconds of the whole prediction, every number included, warm, one thread. *Of "
        "processors* is the time of this process's threads, which a busy machine changes less.",
        "Where every pattern was aligned too, all plans but `minhash` gave the very same answers, "
        f"byte for byte: in each run, to {compared} questions or more.",
    ]
    if fit:
        lines.append(
            f"Through the medians of the index over Zipf-distributed symbols: {fit['a_ms']:g} ms + "
            f"{fit['b_ms_per_tenfold']:g} ms · log10(patterns), at most "
            f"{fit['furthest_off_ms']:g} ms off; as a power, patterns to the "
            f"{fit['exponent_of_a_power']:g}."
        )
    lines.append(
        f"On {machine['cores']} cores ({machine['cpu']}), Python {machine['python']}: "
        "[result](../benchmarks/results/recall.json)."
    )
    return "\n".join(lines)


def _store_row(data: str, run: dict[str, Any]) -> str:
    stored, index, started = run["stored"], run["index"], run["started"]
    cells = (
        data,
        f"{run['learned']['patterns']:,}",
        f"{run['learned']['seconds'] + run['learned']['flush_seconds']:.3g} s",
        f"{index['seconds']:.3g} s",
        f"{stored['ledger_bytes_per_pattern']:g} bytes",
        f"{stored['disk_bytes_per_pattern']:g} bytes",
        f"{index['bytes_per_pattern']:g} bytes",
        f"{run['started_anew']['index_ready_seconds']:.3g} s",
        f"{started['index_ready_seconds']:.3g} s",
        f"{started['first_prediction_seconds']:.3g} s",
        f"{run['peak_mib']:,} MiB",
    )
    return "| " + " | ".join(cells) + " |"
