"""The tables of the README, made of the results. `python -m benchmarks.tables` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from benchmarks.environment import RESULTS, ROOT


def datasets() -> str:
    """Sequences, patterns, time, size and accuracy by data set."""
    head = [
        "| data | sequences | patterns | learned in | ledger | disk "
        "| next symbol right | order 1 | most frequent |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(head + [_data_set(each) for each in _result("datasets")["data_sets"]])


def speed() -> str:
    """What learning, predicting and starting take."""
    learn, predict, start = _result("learn"), _result("predict"), _result("start")
    bulk, single = learn["bulk"], learn["single_learn_ms"]
    zipf = predict["zipf"]["wall_ms"]
    rows = [
        ("learning many, 15 symbols a pattern", f"{bulk['sequences_per_second']['median']:,}/s"),
        ("one learn, fsynced, p50 / p95", f"{single['p50']} / {single['p95']} ms"),
        ("ledger memory a pattern", f"{bulk['ledger_bytes_per_pattern']} bytes"),
        ("ClickHouse disk a pattern", f"{bulk['disk_bytes_per_pattern']} bytes"),
        (
            "one predict over 100,000 patterns, p50 / p95",
            f"{zipf['p50']} / {zipf['p95']} ms",
        ),
        *start_rows(start),
    ]
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    machine = learn["environment"]
    note = (
        f"On {machine['cores']} cores ({machine['cpu']}), Python {machine['python']}: "
        "[learn](benchmarks/results/learn.json), [predict](benchmarks/results/predict.json), "
        "[start](benchmarks/results/start.json)."
    )
    return "\n".join(["| | |", "|---|--:|", *lines, "", note])


def start_rows(start: dict[str, Any]) -> list[tuple[str, str]]:
    """What a start takes, by number of patterns."""
    return [
        (f"start after a crash, {each['patterns']:,} patterns", f"{each['open_seconds']:.1f} s")
        for each in start["after_kill"]
    ]


TABLES: dict[str, Callable[[], str]] = {"datasets": datasets, "speed": speed}


def _data_set(each: dict[str, Any]) -> str:
    accuracy = each["evaluation"]["accuracy"]
    cells = (
        each["name"],
        f"{each['sequences']:,}",
        f"{each['patterns']:,}",
        f"{each['learn_seconds']:.1f} s",
        f"{each['ledger_bytes'] / 1e6:.2f} MB",
        f"{each['disk_bytes'] / 1e6:.2f} MB",
        f"**{accuracy['kato']:.1%}**",
        f"{accuracy['after_last']:.1%}",
        f"{accuracy['most_frequent']:.1%}",
    )
    return "| " + " | ".join(cells) + " |"


def _result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, rf"\g<1>\n{table()}\n\n\g<2>", text, flags=re.DOTALL)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
