"""Alert rules and dashboard over what is really scraped, each made true and made false again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from tests.support.promql import Series, evaluate, names_in, seconds_of

from kato.market.measures import METRICS, MarketMeasures, served

ROOT = Path(__file__).parents[2]
STEP = 60.0
BEGIN = 1_800_000_000.0
HEALTHY = 8
"""Steps that all is well before something happens."""

_GROUPS = yaml.safe_load((ROOT / "deploy/prometheus/kato-market.rules.yml").read_text())["groups"]
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in _GROUPS for rule in group["rules"]
}
DASHBOARD = json.loads((ROOT / "deploy/grafana/kato-market.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]

Change = Callable[[MarketMeasures, float], None]


def well(measures: MarketMeasures, now: float) -> None:
    """A minute in which all goes well."""
    feed, ingest = measures.feeds["binance"], measures.ingest["market"]
    feed.state, feed.connections = "live", 1
    feed.messages += 600
    feed.trades += 500
    feed.message_at = feed.received_at = int(now - 1) * 10**9
    report = ingest.report
    report.batches += 500
    report.new += 500
    report.inserting.add(0.08, 500)
    report.visible.add(0.15, 500)
    report.waiting = 40
    ingest.windows += 6
    ingest.sealed_at = now - 2
    measures.differences["1m"].candles = 0
    bridge = measures.bridges["candles"]
    bridge.observed += 1
    bridge.learned += 1
    bridge.guessed += 1
    bridge.observed_until = now - 90


def nothing(_measures: MarketMeasures, _now: float) -> None:
    """A minute in which nothing happens."""


def disconnected(measures: MarketMeasures, _now: float) -> None:
    measures.feeds["binance"].state = "connecting"


def silent(measures: MarketMeasures, now: float) -> None:
    measures.feeds["binance"].message_at = int(now - 100) * 10**9


def no_trades(measures: MarketMeasures, now: float) -> None:
    measures.feeds["binance"].received_at = int(now - 1000) * 10**9


def reconnecting(measures: MarketMeasures, _now: float) -> None:
    measures.feeds["binance"].failures["silence"] += 1


def missing(measures: MarketMeasures, _now: float) -> None:
    measures.feeds["binance"].notes["gap"] += 1


def unreadable(measures: MarketMeasures, _now: float) -> None:
    measures.feeds["binance"].dead_letters["unreadable"] += 1


def unreadable_records(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].report.unreadable += 1


def lagging(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].report.waiting = 10_001


def failing(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].failures += 1


def slow(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].report.inserting.add(2.0, 5000)


def late(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].report.visible.add(2.0, 20)


def invalid(measures: MarketMeasures, _now: float) -> None:
    measures.ingest["market"].report.invalid += 50


def differing(measures: MarketMeasures, _now: float) -> None:
    measures.differences["1m"].candles = 3


def unsealed(measures: MarketMeasures, now: float) -> None:
    measures.ingest["market"].sealed_at = now - 901


def behind(measures: MarketMeasures, now: float) -> None:
    measures.bridges["candles"].observed_until = now - 172_801


FAULTS: dict[str, Change] = {
    "KatoMarketFeedDown": disconnected,
    "KatoMarketFeedSilent": silent,
    "KatoMarketNoTrades": no_trades,
    "KatoMarketReconnecting": reconnecting,
    "KatoMarketTradesMissing": missing,
    "KatoMarketFeedUnreadable": unreadable,
    "KatoMarketIngestUnreadable": unreadable_records,
    "KatoMarketLagging": lagging,
    "KatoMarketInsertFailing": failing,
    "KatoMarketInsertSlow": slow,
    "KatoMarketVisibleLate": late,
    "KatoMarketInvalidTrades": invalid,
    "KatoMarketCandlesDiffer": differing,
    "KatoMarketSealingBehind": unsealed,
    "KatoMarketBridgeBehind": behind,
}
"""By rule, what makes its condition true, done in a minute that is well otherwise."""


class Prometheus:
    """Scrapes an address each minute of a time of its own, and evaluates the rules."""

    def __init__(self, url: str, interval: float = STEP) -> None:
        self.interval = interval
        self.series = Series()
        self.now = BEGIN
        self._url = url
        self._client = httpx.Client()
        self._since: dict[str, float] = {}

    def step(self) -> set[str]:
        """Scrape and evaluate; the alerts that fire."""
        self.now += self.interval
        answer = self._client.get(self._url, headers={"Accept": "text/plain"})
        self.series.scrape(answer.raise_for_status().text, self.now)
        return {name for name in RULES if self._fires(name)}

    def close(self) -> None:
        self._client.close()

    def _fires(self, name: str) -> bool:
        value = evaluate(RULES[name]["expr"], self.series, self.now)
        assert isinstance(value, dict)
        if not value:
            self._since.pop(name, None)
            return False
        waits = seconds_of(RULES[name].get("for", "0s"))
        return self.now - self._since.setdefault(name, self.now) >= waits


@pytest.fixture(scope="module")
def shown() -> Prometheus:
    """After ten minutes that went well, scraped three times as often as the rules ask for."""
    measures = MarketMeasures()
    with served(measures, 0) as url:
        prometheus = Prometheus(url, STEP / 3)
        fired(prometheus, measures, 30, well)
        prometheus.close()
    return prometheus


class Held(Collector):
    """Tells the measures of whichever test runs."""

    measures = MarketMeasures()

    def collect(self) -> Iterable[Metric]:
        return self.measures.collect()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[Held, str]]:
    held = Held()
    with served(held, 0) as url:
        yield held, url


@pytest.fixture
def measures(address: tuple[Held, str]) -> MarketMeasures:
    address[0].measures = MarketMeasures()
    return address[0].measures


@pytest.fixture
def prometheus(measures: MarketMeasures, address: tuple[Held, str]) -> Iterator[Prometheus]:
    prometheus = Prometheus(address[1])
    yield prometheus
    prometheus.close()


def fired(
    prometheus: Prometheus, measures: MarketMeasures, steps: int, *changes: Change
) -> list[set[str]]:
    """What fires in each of so many minutes."""
    found = []
    for _ in range(steps):
        for change in changes:
            change(measures, prometheus.now + prometheus.interval)
        found.append(prometheus.step())
    return found


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_rule_fires_when_its_condition_is_true_and_no_longer(
    rule: str, measures: MarketMeasures, prometheus: Prometheus
) -> None:
    assert not any(fired(prometheus, measures, HEALTHY, well))
    waits = seconds_of(RULES[rule].get("for", "0s")) / STEP
    during = fired(prometheus, measures, 12 + int(waits), well, FAULTS[rule])
    assert during[-1] == {rule}, "it fires, and nothing else does"
    assert not any(during[: int(waits)]), "it does not fire before its time"
    after = fired(prometheus, measures, 2 + _looks_back(rule), well)
    assert not after[-1]


def _looks_back(rule: str) -> int:
    """For how many steps what happened is still seen."""
    ranges = re.findall(r"\[(\w+)\]", RULES[rule]["expr"])
    return int(max(map(seconds_of, ranges), default=0.0) / STEP)


def test_a_feed_that_is_gone(measures: MarketMeasures, prometheus: Prometheus) -> None:
    assert [len(each) for each in fired(prometheus, measures, 4, nothing)] == [0, 0, 1, 1]
    assert fired(prometheus, measures, 1, nothing) == [{"KatoMarketFeedGone"}]
    assert not any(fired(prometheus, measures, 3, well))


def test_every_rule_is_tried() -> None:
    assert {*FAULTS, "KatoMarketFeedGone"} == set(RULES)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: str) -> None:
    assert set(RULES[rule]["annotations"]) == {"summary", "remedy"}
    assert RULES[rule]["labels"]["severity"] in ("warning", "critical")


def test_every_metric_that_is_named_is_scraped(
    measures: MarketMeasures, prometheus: Prometheus
) -> None:
    fired(prometheus, measures, 1, well)
    scraped = prometheus.series.names()
    named = {name for query in QUERIES for name in names_in(query)}
    assert named <= scraped
    assert {name for rule in RULES.values() for name in names_in(rule["expr"])} <= scraped
    shown = {name.removesuffix("_bucket") for name in named}
    assert shown == set(METRICS), "the dashboard shows everything that is measured"


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_shows_something(query: str, shown: Prometheus) -> None:
    assert evaluate(query, shown.series, shown.now)


def test_panels_do_not_overlap() -> None:
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
