"""The table of what the market half takes, for ``docs/market.md``."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.environment import RESULTS


def market() -> str:
    """Rates of feeds and ingest, delays, sealing, memory."""
    feed, ingest, soak = (_result(f"market_{name}") for name in ("feed", "ingest", "soak"))
    visible, sealing = ingest["visible"], ingest["sealing"]
    delay = visible["oldest_of_a_batch_ms"]
    rows = [
        ("Binance to the raw topic", f"{_rate(feed, 'binance to kafka')} messages/s a core"),
        (
            "the same, normalized trades (Avro) too",
            f"{_rate(feed, 'binance to kafka, normalized too')} messages/s a core",
        ),
        (
            "ingest through all layers, 10,000 a batch",
            f"{ingest['by_batch']['10000']['per_core']['median']:,} trades/s a core",
        ),
        (
            f"received until in all timeframes, {visible['trades_per_second']:,} trades/s",
            f"p50 {delay['p50']:.0f}, p99 {delay['p99']:.0f} ms",
        ),
        (
            f"sealing {sealing['trades']:,} trades, {sealing['copies']:,} of them twice",
            f"{sealing['seconds']:.2f} s",
        ),
        (
            f"feeds, ingest, engine and ledger in an hour of {soak['told']:,} trades",
            f"{soak['peak_mib']:,.0f} MiB at most",
        ),
    ]
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    note = (
        f"Embedded stores, two cores; the broker is a {feed['broker']}: "
        "[feed](../benchmarks/results/market_feed.json), "
        "[ingest](../benchmarks/results/market_ingest.json), "
        "[an hour](../benchmarks/results/market_soak.json)."
    )
    return "\n".join(["| | |", "|---|--:|", *lines, "", note])


def _rate(feed: dict[str, Any], case: str) -> str:
    return f"{feed['cases'][case]['messages_per_cpu_second']:,}"


def _result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


MARKET_TABLES = {"market": market}
