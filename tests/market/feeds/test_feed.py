from __future__ import annotations

from decimal import Decimal
from itertools import count

import msgspec
import pytest
from tests.market.feeds.collecting import Collector, Fed, binance

from kato.errors import StoreUnavailable
from kato.market.feeds.feed import Feed
from kato.market.feeds.protocol import Message
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.feeds.sequence import Note
from kato.market.instruments import Instrument, InstrumentFile
from kato.market.simulator.truth import Made
from kato.market.simulator.wire import WIRES
from kato.market.trade import Exchange, Side, Trade


def made(number: int, symbol: str = "BTC-USD") -> Made:
    return Made("coinbase", symbol, number, Decimal("1.5"), Decimal(2), Side.BUY, number)


def coinbase(*trades: Made, first: int = 0) -> bytes:
    numbers = count(first)
    return WIRES["coinbase"].trades(trades, lambda: next(numbers))[0].encode()


def told(notes: list[Note]) -> list[tuple[str, str, int, int, int]]:
    return [(note.symbol, note.kind, note.after, note.before, note.missing) for note in notes]


def test_the_raw_record_is_the_text_with_time_and_connection() -> None:
    fed = Fed("binance")
    fed.take(binance(1), connection="binance-7")
    (sent,) = fed.log.raw("binance")
    assert sent.key == "BTCUSDT"
    assert sent.value == binance(1)
    assert sent.headers == {"received": b"1", "connection": b"binance-7"}


def test_a_text_is_sent_once_for_each_symbol() -> None:
    fed = Fed("coinbase")
    text = coinbase(made(1), made(2, "ETH-USD"), made(3))
    fed.take(text)
    assert [(sent.key, sent.value) for sent in fed.log.raw("coinbase")] == [
        ("BTC-USD", text),
        ("ETH-USD", text),
    ]
    assert (fed.feed.counts.records, fed.feed.counts.trades) == (2, 3)


def test_what_is_no_trade_is_counted_and_not_kept() -> None:
    fed = Fed("kraken")
    fed.take(b'{"channel":"heartbeat"}', b'{"channel":"status","data":[]}')
    assert not fed.log.topics
    assert (fed.feed.counts.messages, fed.feed.counts.heartbeats) == (2, 1)


def test_a_symbol_nobody_knows_is_a_dead_letter_and_the_others_are_not() -> None:
    fed = Fed("coinbase")
    text = coinbase(made(1), made(2, "NO-SUCH"))
    fed.take(text)
    assert [sent.key for sent in fed.log.raw("coinbase")] == ["BTC-USD"]
    (dead,) = fed.log.dead_letters("coinbase")
    assert (dead.key, dead.value, dead.headers["cause"]) == ("NO-SUCH", text, b"unknown symbol")
    assert b"NO-SUCH" in dead.headers["reason"]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"{", b"[]", b'{"a":' * 5000], ids=repr)
def test_what_nobody_can_read_is_a_dead_letter_byte_for_byte(text: bytes) -> None:
    fed = Fed("binance")
    fed.take(text, binance(1))
    (dead,) = fed.log.dead_letters("binance")
    assert (dead.value, dead.headers["cause"]) == (text, b"unreadable")
    assert dead.headers["reason"]
    assert dead.headers["received"] == b"1"
    assert len(fed.log.raw("binance")) == 1
    assert fed.feed.counts.dead_letters == {"unreadable": 1}


def test_a_text_of_which_a_part_can_be_read_is_in_both_topics() -> None:
    fed = Fed("coinbase")
    (text,) = WIRES["coinbase"].malformed([made(1), made(2)], lambda: 0)
    fed.take(text.encode())
    (raw,), (dead,) = fed.log.raw("coinbase"), fed.log.dead_letters("coinbase")
    assert raw.value == dead.value == text.encode()
    assert (dead.headers["cause"], dead.headers["reason"][:8]) == (b"malformed trade", b"trade 1:")
    assert fed.feed.counts.trades == 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([5, 6, 7], []),
        ([5, 9], [("gap", 5, 9, 3)]),
        ([5, 9, 7], [("gap", 5, 9, 3), ("late", 7, 7, 1)]),
        ([5, 5], [("duplicate", 5, 5, 1)]),
        ([900_000, 1], [("reset", 900_000, 1, 0)]),
    ],
)
def test_notes(numbers: list[int], expected: list[tuple[str, int, int, int]]) -> None:
    fed = Fed("binance")
    fed.take(*map(binance, numbers))
    notes = fed.log.notes("binance")
    assert told(notes) == [("BTCUSDT", *each) for each in expected]
    assert {note.time for note in notes} <= {2, 3}
    assert fed.feed.counts.notes == {kind: missing or 1 for kind, _, _, missing in expected}


def test_each_symbol_has_a_sequence_of_its_own() -> None:
    fed = Fed("binance")
    fed.take(binance(5), binance(100, "ETHUSDT"), binance(6), binance(101, "ETHUSDT"))
    assert not fed.log.notes("binance")


def test_duplicates_of_a_message_are_one_note() -> None:
    fed = Fed("kraken")
    texts = [
        WIRES["kraken"].trades(
            [Made("kraken", "BTC/USD", n, Decimal(1), Decimal(1), Side.BUY, n) for n in numbers],
            lambda: 0,
        )[0]
        for numbers in (range(1, 51), range(1, 52))
    ]
    fed.take(*(text.encode() for text in texts))
    assert told(fed.log.notes("kraken")) == [("BTC/USD", "duplicate", 1, 50, 50)]


def test_what_comes_again_without_a_sequence_is_known_by_its_id() -> None:
    fed = Fed("kraken_v1")
    trade = Made("kraken", "XBT/USD", 1, Decimal(1), Decimal(1), Side.BUY, 10**9)
    (text,) = WIRES["kraken_v1"].trades([trade], lambda: 0)
    fed.take(text.encode(), text.encode())
    assert told(fed.log.notes("kraken")) == [("XBT/USD", "duplicate", 0, 0, 1)]


def test_a_recording_of_the_older_kraken_is_no_sequence_of_zeros() -> None:
    fed = Fed("kraken")
    trades = [
        Made("kraken", "XBT/USD", 1, Decimal(1), Decimal(1), Side.BUY, time * 10**9)
        for time in (1, 2)
    ]
    decode = PROTOCOLS["kraken_v1"].decode
    for trade in trades:
        fed.hand(decode(WIRES["kraken_v1"].trades([trade], lambda: 0)[0].encode()))
    assert not fed.log.notes("kraken")


def test_lost_messages_of_a_connection_are_noted() -> None:
    fed = Fed("coinbase")
    fed.take(coinbase(made(1), first=0), coinbase(made(2), first=3))
    fed.take(coinbase(made(3), first=0), connection="other")
    assert told(fed.log.notes("coinbase")) == [("", "gap", 0, 3, 2)]
    assert fed.feed.counts.lost_messages == 2


def test_ids_of_coinbase_may_have_holes() -> None:
    fed = Fed("coinbase")
    fed.take(coinbase(made(1), first=0), coinbase(made(9), first=1))
    assert not fed.log.notes("coinbase")


def test_a_reconnect_is_noted_with_both_times() -> None:
    fed = Fed("binance")
    fed.feed.reconnected(17, 42, "binance-2")
    (note,) = fed.log.notes("binance")
    assert note == Note("binance", "", "reconnect", 17, 42, 0, 42, "binance-2")


def encode(exchange: Exchange, trade: Trade, instrument: Instrument, received: int) -> bytes:
    return f"{exchange} {instrument.symbol} {trade.id} {received}".encode()


def test_normalized_records_are_the_trades_that_did_not_come_before() -> None:
    fed = Fed("coinbase", encode)
    fed.take(coinbase(made(1), made(2), first=0), coinbase(made(2), made(3), first=1))
    sent = fed.log.normalized("coinbase")
    assert [(each.key, each.value) for each in sent] == [
        ("BTC-USD", b"coinbase BTC/USD 1 1"),
        ("BTC-USD", b"coinbase BTC/USD 2 1"),
        ("BTC-USD", b"coinbase BTC/USD 3 2"),
    ]
    assert fed.feed.counts.normalized == 3
    assert fed.feed.counts.records == 2


def test_instruments_that_change_change_what_is_known() -> None:
    known = InstrumentFile(None)
    protocol, log = PROTOCOLS["binance"], Collector()
    feed = Feed(protocol, known, log)
    text = binance(1, "NEWUSDT")
    feed.receive(protocol.decode(text), text, 1, "c")
    known.instruments = type(known.instruments)([Instrument("binance", "NEWUSDT", "NEW", "USDT")])
    feed.receive(protocol.decode(text), text, 2, "c")
    assert (len(log.dead_letters("binance")), len(log.raw("binance"))) == (1, 1)


def test_a_log_that_fails_is_told() -> None:
    class Broken(Collector):
        def send(self, *_: object) -> None:
            raise StoreUnavailable("gone")

    feed = Feed(PROTOCOLS["binance"], InstrumentFile(None), Broken())
    with pytest.raises(StoreUnavailable):
        feed.receive(PROTOCOLS["binance"].decode(binance(1)), binance(1), 1, "c")


def test_times_of_the_newest_trade() -> None:
    fed = Fed("coinbase")
    fed.take(coinbase(made(7), made(3)), coinbase(made(5)))
    counts = fed.feed.counts
    assert (counts.trade_at, counts.received_at, counts.message_at) == (7, 1, 2)


def test_a_long_reason_is_cut_and_any_text_is_data() -> None:
    fed = Fed("binance")
    fed.hand(Message("unreadable", faults=("\ud800" * 1000,)))
    (dead,) = fed.log.dead_letters("binance")
    assert dead.headers["reason"].startswith(b"\\ud800")


def test_a_note_is_json() -> None:
    fed = Fed("binance")
    fed.take(binance(1), binance(3))
    sent = fed.log.topics["market.crypto.trades.binance.gaps"][0]
    assert msgspec.json.decode(sent.value) == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "kind": "gap",
        "after": 1,
        "before": 3,
        "missing": 1,
        "time": 2,
        "connection": "c",
    }
    assert sent.key == "BTCUSDT"
