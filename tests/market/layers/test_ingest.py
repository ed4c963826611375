"""Ingest step by step: each trade once, whatever comes again, and whoever dies when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.market.layers.given import NOON, NS, Carrier, trade

import kato
from kato.errors import Conflict, StoreUnavailable, StoreUnreadable
from kato.market.ingest.lost import skip_lost
from kato.market.ingest.seen import Seen
from kato.market.ingest.sink import Block, LayerSink
from kato.market.market import Market
from kato.market.timeframes import TIMEFRAMES
from kato.market.trade import Trade
from kato.storage.clickhouse.client import ClickHouse

LAYERS = ("bronze", "silver", *(one.name for one in TIMEFRAMES))


def canonical(symbol: str) -> str:
    return symbol.replace("-", "/")


def counts(clickhouse: ClickHouse, symbol: str) -> dict[str, int]:
    """How many trades each layer holds, copies too."""
    of = {"native": symbol, "symbol": canonical(symbol)}
    bronze = "SELECT count() FROM bronze_binance WHERE native = {native:String}"
    silver = "SELECT count() FROM silver_trades WHERE symbol = {symbol:String}"
    live = (
        "SELECT sum(trades) FROM candles_live "
        "WHERE seconds = {seconds:UInt32} AND symbol = {symbol:String}"
    )
    found = [clickhouse.rows(bronze, of), clickhouse.rows(silver, of)]
    found += [clickhouse.rows(live, {**of, "seconds": one.seconds}) for one in TIMEFRAMES]
    return {layer: rows[0][0] for layer, rows in zip(LAYERS, found, strict=True)}


def all_of(bronze: int, silver: int) -> dict[str, int]:
    """As many in bronze, and as many in each layer behind it."""
    return {"bronze": bronze, **dict.fromkeys(LAYERS[1:], silver)}


def some(symbol: str, *numbers: int) -> list[Trade]:
    return [trade(symbol, number, NOON + number * NS) for number in numbers]


def test_copies_stay_in_bronze(carrier: Carrier, symbol: str) -> None:
    carrier.carry(some(symbol, 1, 2, 3, 2), some(symbol, 3, 4, 1), some(symbol, 4))
    assert counts(carrier.clickhouse, symbol) == all_of(8, 4)
    report = carrier.batches.report
    assert (report.trades, report.new, report.duplicates, report.batches) == (8, 4, 4, 3)


def test_copies_are_known_after_a_start(carrier: Carrier, symbol: str) -> None:
    carrier.carry(some(symbol, 1, 2, 7))
    carrier.restart()
    carrier.carry(some(symbol, 2, 3, 7, 8))
    assert counts(carrier.clickhouse, symbol) == all_of(7, 5)


def test_silver_is_asked_for_what_is_older_than_intervals(carrier: Carrier, symbol: str) -> None:
    carrier.carry(some(symbol, 5, 6, 7, 5000))
    carrier.restart()
    carrier.batches._seen = Seen(carrier.clickhouse, known=1000)
    carrier.carry(some(symbol, 4, 5, 6, 8, 4999, 5000, 8))
    assert counts(carrier.clickhouse, symbol) == all_of(11, 7)
    carrier.carry(some(symbol, 4, 8, 4999))
    assert counts(carrier.clickhouse, symbol) == all_of(14, 7)


def test_ids_that_are_no_numbers(
    carrier: Carrier, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kato.market.ingest.seen.KNOWN_TEXTS", 2)

    def named(*numbers: int) -> list[Trade]:
        return [msgspec.structs.replace(one, id=f"0{one.id}") for one in some(symbol, *numbers)]

    carrier.carry(named(1, 2, 3, 3), named(1, 4, 2), named(5, 1, 6, 2))
    assert counts(carrier.clickhouse, symbol) == all_of(11, 6)
    carrier.restart()
    carrier.carry(named(1, 2, 3, 4, 5, 6, 7), some(symbol, 1, 2))
    assert counts(carrier.clickhouse, symbol) == all_of(20, 9)


def test_the_same_id_on_another_symbol_is_another_trade(
    carrier: Carrier, symbols: Callable[[], str]
) -> None:
    one, other = symbols(), symbols()
    carrier.carry([*some(one, 1, 2), *some(other, 1, 2)])
    assert counts(carrier.clickhouse, one) == counts(carrier.clickhouse, other) == all_of(2, 2)


def test_bad_trades_are_kept_and_not_counted(carrier: Carrier, symbol: str) -> None:
    good, bad = trade(symbol, 1, NOON), trade(symbol, 2, NOON, "0", vendor={"it's": "\\ ☃"})
    tiny = trade(symbol, 3, NOON, "0.0000000000001")
    carrier.carry([good, bad, tiny])
    market = Market(carrier.clickhouse)
    stored = market.trades(canonical(symbol))
    assert [(one.is_valid, one.errors) for one in stored] == [
        (True, []),
        (False, ["price is not above 0"]),
        (False, ["price has more than 12 decimals"]),
    ]
    assert stored[1].vendor == {"it's": "\\ ☃"}
    assert [one.trades for one in market.candles(canonical(symbol))] == [1]
    rows = carrier.clickhouse.rows(
        "SELECT price FROM bronze_binance WHERE native = {native:String} ORDER BY trade_id",
        {"native": symbol},
    )
    assert [Decimal(text) for (text,) in rows] == [1, 0, Decimal("1e-13")]


def test_what_cannot_be_read_stops_nothing(carrier: Carrier, symbol: str) -> None:
    unknown = "?" + symbol
    carrier.log.add(symbol, b'[{"symbol": \xff')
    carrier.log.add_trades(some(symbol, 1))
    carrier.log.add_trades(some(unknown, 1))
    carrier.log.add("", b"[]", {})
    carrier.log.add_trades([msgspec.structs.replace(trade(symbol, 2, NOON), id="")])
    carrier.log.add_trades(some(symbol, 2))
    while carrier.step():
        pass
    assert counts(carrier.clickhouse, symbol) == all_of(3, 2)
    assert counts(carrier.clickhouse, unknown) == all_of(1, 0)
    rows = carrier.clickhouse.rows(
        "SELECT reason, hex(payload) FROM market_unreadable WHERE offset >= {first:UInt64} "
        "AND offset < {first:UInt64} + 100 ORDER BY offset",
        {"first": carrier.log.first},
    )
    reasons = [reason for reason, _ in rows]
    assert bytes.fromhex(rows[0][1]) == carrier.log.records[0].value
    assert "no instrument" in reasons[1]
    assert reasons[2] == "a trade without an id"
    assert carrier.batches.report.unreadable == 1
    assert carrier.batches.report.unknown == 2


def test_a_batch_that_lies_in_many_days_is_taken(carrier: Carrier, symbol: str) -> None:
    spread = [trade(symbol, 1 + day, NOON + day * 86_400 * NS) for day in range(150)]
    carrier.carry(spread)
    assert counts(carrier.clickhouse, symbol) == all_of(150, 150)


def test_no_batch_is_larger_than_a_block(
    carrier: Carrier, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kato.market.ingest.log.MOST_TRADES", 10)
    for number in range(0, 24, 4):
        carrier.log.add_trades(some(symbol, *range(number + 1, number + 5)))
    carrier.log.add_trades(some(symbol, *range(25, 55)))
    sizes: list[int] = []
    while carrier.step():
        sizes.append(carrier.batches.report.trades - sum(sizes))
    assert sum(sizes) == 54
    assert max(sizes[:-1]) <= 10
    assert sizes[-1] == 30
    assert counts(carrier.clickhouse, symbol) == all_of(54, 54)


BREAKING = """
CREATE MATERIALIZED VIEW silver_to_a_break ENGINE = Memory AS
SELECT throwIf(CAST(symbol, 'String') IN (SELECT symbol FROM broken), 'broken') AS is_broken
FROM silver_trades
"""


class KilledError(BaseException):
    """Stands for the end of the process."""


class Dies:
    """Something of which one call ends the process, before or after it is carried out."""

    def __init__(self, inner: Any, name: str, *, after: bool) -> None:
        self._inner, self._name, self._after = inner, name, after

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._inner, name)
        if name != self._name:
            return called

        def call(*arguments: Any) -> None:
            if self._after:
                called(*arguments)
            raise KilledError

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("where", ["claim", "insert", "done"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_process_that_ends_at_any_step(
    carrier: Carrier, symbol: str, where: str, after: bool, restarts: bool
) -> None:
    carrier.carry(some(symbol, 1, 2))
    if where == "insert":
        carrier.sink = Dies(LayerSink(carrier.clickhouse), "insert", after=after)
    else:
        carrier.batches._intents = Dies(carrier.intents, where, after=after)  # type: ignore[assignment]
    with pytest.raises(KilledError):
        carrier.carry(some(symbol, 2, 3, 4))
    if restarts:
        carrier.restart()
    carrier.sink, carrier.batches._intents = LayerSink(carrier.clickhouse), carrier.intents
    carrier.log.batch = 1 << 30
    carrier.step()
    carrier.carry(some(symbol, 4, 5))
    assert counts(carrier.clickhouse, symbol) == all_of(7, 5)


def test_an_insert_that_breaks_in_the_middle(carrier: Carrier, symbol: str) -> None:
    """Some tables have the batch, some have not; silver cannot tell what was new."""
    carrier.carry(some(symbol, 1, 2))
    # Views are carried out by name: that of the candles comes behind this one.
    words = {"symbol": canonical(symbol)}
    carrier.clickhouse.command("CREATE TABLE broken (symbol String) ENGINE = Memory")
    carrier.clickhouse.command("INSERT INTO broken VALUES ({symbol:String})", words)
    carrier.clickhouse.command(BREAKING)
    try:
        with pytest.raises(StoreUnavailable, match="broken"):
            carrier.carry(some(symbol, 2, 3, 4))
    finally:
        carrier.clickhouse.command("DROP TABLE silver_to_a_break SYNC")
        carrier.clickhouse.command("DROP TABLE broken SYNC")
    assert len({*counts(carrier.clickhouse, symbol).values()}) > 1
    carrier.restart()
    assert carrier.step() == 1
    assert counts(carrier.clickhouse, symbol) == all_of(5, 4)


def test_two_of_a_group_do_not_take_the_same(
    carrier: Carrier, clickhouse: ClickHouse, memory: kato.Memory, symbol: str
) -> None:
    other = Carrier(clickhouse, memory.ledger())
    other.intents, other.log = carrier.intents, carrier.log
    other.restart()
    carrier.carry(some(symbol, 1))
    other.batches._where()
    carrier.carry(some(symbol, 2, 3))
    other.log.batch = 1
    other.log.add_trades(some(symbol, 3, 4))
    with pytest.raises(Conflict):
        other.step()
    assert other.step() == 1
    carrier.log.add_trades(some(symbol, 5))
    with pytest.raises(Conflict):
        carrier.step()
    assert carrier.step() == 1
    assert counts(clickhouse, symbol) == all_of(6, 5)


@pytest.mark.parametrize("change", ["more trades", "no instrument"])
def test_a_batch_that_cannot_be_made_again_is_not_made(
    carrier: Carrier, symbol: str, change: str
) -> None:
    carrier.log.add_trades(some(symbol, 1, 2))
    claimed = carrier.batches.claim(10, 0)
    assert claimed is not None
    carrier.restart()
    if change == "no instrument":
        carrier.batches._reading.symbol = lambda *_: None  # type: ignore[method-assign]
    else:
        text = msgspec.json.encode(some(symbol, 1, 2, 3))
        carrier.log.records[0] = msgspec.structs.replace(carrier.log.records[0], value=text)
    with pytest.raises(StoreUnreadable):
        carrier.step()
    assert counts(carrier.clickhouse, symbol) == all_of(0, 0)


class Remembers:
    """A sink that keeps the blocks, and fails the first time."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.tokens: list[str] = []

    def insert(self, entries: Sequence[Block], token: str) -> None:
        self.blocks.extend(entries)
        self.tokens.append(token)
        if len(self.tokens) == 1:
            raise KilledError


def test_a_batch_that_is_made_again_is_the_very_same(carrier: Carrier, symbol: str) -> None:
    carrier.carry(some(symbol, 1, 2))
    sink = carrier.sink = Remembers()
    with pytest.raises(KilledError):
        carrier.carry(some(symbol, 2, 3, 3, 4))
    LayerSink(carrier.clickhouse).insert(sink.blocks, sink.tokens[0])
    carrier.restart()
    carrier.sink = sink
    carrier.step()
    first, again = sink.blocks
    assert again.landing.equals(first.landing)
    assert sink.tokens[0] == sink.tokens[1]


def test_gaps_come_and_go(carrier: Carrier, symbol: str) -> None:
    def gaps() -> list[tuple[int, int, int]]:
        market = Market(carrier.clickhouse)
        found = market.gaps(canonical(symbol), kind="missing")
        return sorted((gap.after, gap.before, gap.missing) for gap in found)

    carrier.carry(some(symbol, 1, 2, 5))
    assert gaps() == [(2, 5, 2)]
    carrier.carry(some(symbol, 6, 9, 3))
    assert gaps() == [(3, 5, 1), (6, 9, 2)]
    carrier.restart()
    carrier.carry(some(symbol, 4))
    assert gaps() == [(6, 9, 2)]
    carrier.carry(some(symbol, 7, 8))
    assert gaps() == []


def test_gaps_that_a_dying_process_did_not_write_are_made_up_for(
    carrier: Carrier, symbol: str
) -> None:
    carrier.carry(some(symbol, 1, 2))
    carrier.sink = Dies(LayerSink(carrier.clickhouse), "insert", after=False)
    with pytest.raises(KilledError):
        carrier.carry(some(symbol, 5))
    carrier.restart()
    carrier.step()
    carrier.carry(some(symbol, 6))
    [gap] = Market(carrier.clickhouse).gaps(canonical(symbol), "binance")
    assert (gap.after, gap.before, gap.missing, gap.kind) == (2, 5, 2, "missing")


def test_a_batch_without_trades_is_carried(carrier: Carrier, symbol: str) -> None:
    carrier.log.add(symbol, b"{")
    assert carrier.step() == 1
    assert carrier.intents.standing() is None
    assert carrier.intents.positions()[carrier.log.position] == carrier.log.first + 1


@pytest.mark.parametrize("stands", [False, True])
def test_what_the_log_lost_is_skipped_when_it_is_said(
    carrier: Carrier, symbol: str, stands: bool
) -> None:
    carrier.carry(some(symbol, 1), some(symbol, 2))
    carrier.log.add_trades(some(symbol, 3))
    if stands:
        assert carrier.batches.claim(10, 0) is not None
    for number in (4, 5, 6):
        carrier.log.add_trades(some(symbol, number))
    kept = carrier.log.first + 5
    del carrier.log.records[:5]
    carrier.log.first = kept
    carrier.restart()
    lost = skip_lost(carrier.clickhouse, carrier.intents, carrier.log)
    assert [(loss.stop - loss.start, loss.stop) for loss in lost] == [(3, kept)]
    assert carrier.intents.standing() is None
    carrier.log.batch = 1 << 30
    assert carrier.step() == 1
    assert counts(carrier.clickhouse, symbol) == all_of(3, 3)
    gaps = Market(carrier.clickhouse).gaps(kind="lost")
    assert (gaps[0].before, gaps[0].missing) == (kept, 3)
    assert skip_lost(carrier.clickhouse, carrier.intents, carrier.log) == []
