"""The tables of the documents, made of the results. `python -m benchmarks.tables` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.environment import RESULTS, ROOT
from benchmarks.market_tables import MARKET_TABLES
from benchmarks.plain_tables import PLAIN_TABLES
from benchmarks.recall_tables import RECALL_TABLES


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
        (
            "`kato predict` over 100,000 patterns",
            f"{start['kato_predict_seconds']['100000']:.1f} s",
        ),
        ("the same, the first time on a machine", f"{start['compiling_seconds']:.0f} s"),
    ]
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    machine = learn["environment"]
    note = (
        f"On {machine['cores']} cores ({machine['cpu']}), Python {machine['python']}: "
        "[learn](benchmarks/results/learn.json), [predict](benchmarks/results/predict.json), "
        "[start](benchmarks/results/start.json)."
    )
    return "\n".join(["| | |", "|---|--:|", *lines, "", note])


def service() -> str:
    """What the service takes in one process, with embedded stores."""
    figures = _result("service")
    observe, predict = figures["observe"], figures["predict"]
    rows = [
        (f"observing, {observe['rate']:,.0f} a second", _latency(observe)),
        ("observing, as many as it takes", _rate(figures["observe_saturated"]["per_second"])),
        (
            f"`observe-sequence`, {figures['learn']['patterns_a_call']} patterns a call",
            f"{figures['learn']['patterns_per_second']:,.0f} patterns/s",
        ),
        (
            f"predicting over {figures['patterns']:,} patterns, {predict['rate']:.0f} a second",
            _latency(predict),
        ),
        ("predicting, as many as it takes", _rate(predict["saturated"]["per_second"])),
    ]
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    note = (
        "One worker over embedded stores; the load comes from the same two cores: "
        "[service](benchmarks/results/service.json)."
    )
    return "\n".join(["| over HTTP | |", "|---|--:|", *lines, "", note])


def _latency(measured: dict[str, Any]) -> str:
    return f"p50 {measured['ms']['p50']:.1f}, p99 {measured['ms']['p99']:.1f} ms"


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s"


def start_rows(start: dict[str, Any]) -> list[tuple[str, str]]:
    """What a start takes, by number of patterns."""
    return [
        (f"start after a crash, {each['patterns']:,} patterns", f"{each['open_seconds']:.1f} s")
        for each in start["after_kill"]
    ]


def minhash() -> str:
    """What MinHash finds by similarity, a column a pipeline."""
    measured = _result("minhash")
    pipelines = measured["pipelines"]
    shapes = [f"{p['minhash_bands']} x {p['minhash_rows']}" for p in pipelines]
    thresholds = [f"{p['minhash_threshold']:g}" for p in pipelines]
    rows = [
        (
            "similarity",
            "matches",
            *(f"{s}, threshold {t}" for s, t in zip(shapes, thresholds, strict=True)),
        ),
        ("---", *["--:"] * (len(pipelines) + 1)),
        *(_found(measured, band) for band in measured["matches"]),
        ("predict, p50 of CPU", *(_cpu(p) for p in (measured["exact"], *pipelines))),
        ("table, a pattern", "", *(_bytes(p) for p in pipelines)),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    machine = measured["environment"]
    note = (
        f"{measured['questions']} questions on {measured['patterns']:,} patterns of "
        "Zipf-distributed symbols; bands x rows. In the row of times, the exact recall stands "
        f"under *matches*. On {machine['cores']} cores ({machine['cpu']}), Python "
        f"{machine['python']}: [result](../benchmarks/results/minhash.json)."
    )
    return "\n".join([*lines, "", note])


TABLES: dict[str, Callable[[], str]] = {
    "datasets": datasets,
    "speed": speed,
    "service": service,
}
"""Of the README, by name."""

FILTER_TABLES: dict[str, Callable[[], str]] = {"minhash": minhash}
"""Of ``docs/filters.md``."""


def _found(measured: dict[str, Any], band: str) -> tuple[str, ...]:
    matches = measured["matches"][band]
    shares = (each["found"][band] / matches for each in measured["pipelines"])
    return (band.replace("-", "–"), f"{matches:,}", *(f"{share:.1%}" for share in shares))


def _cpu(measured: dict[str, Any]) -> str:
    return f"{measured['cpu_ms']['p50']} ms"


def _bytes(pipeline: dict[str, Any]) -> str:
    added = pipeline["table_bytes_per_pattern"]
    return f"{added} bytes" if added else "the same"


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
    _write(ROOT / "README.md", TABLES)
    _write(ROOT / "docs" / "filters.md", FILTER_TABLES)
    _write(ROOT / "docs" / "recall.md", RECALL_TABLES)
    _write(ROOT / "docs" / "market.md", MARKET_TABLES)
    _write(ROOT / "docs" / "plain.md", PLAIN_TABLES)


def _write(document: Path, tables: dict[str, Callable[[], str]]) -> None:
    text = document.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, rf"\g<1>\n{table()}\n\n\g<2>", text, flags=re.DOTALL)
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
