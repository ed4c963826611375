from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from kato.market.feeds.kraken_v1 import KrakenV1
from kato.market.feeds.protocol import Message
from kato.market.trade import Side

UPDATE = (
    b'[119930881,[["95381.70000","0.00032986","1737118158.321597","s","l",""],'
    b'["95381.60000","0.10000000","1737118158.321640","s","m",""]],"trade","XBT/USD"]'
)

kraken = KrakenV1()


def test_a_documented_update_has_all_its_trades() -> None:
    message = kraken.decode(UPDATE)
    told = [(trade.symbol, trade.price, trade.size, trade.time) for trade in message.trades]
    assert told == [
        ("XBT/USD", Decimal("95381.70000"), Decimal("0.00032986"), 1737118158321597000),
        ("XBT/USD", Decimal("95381.60000"), Decimal("0.10000000"), 1737118158321640000),
    ]
    assert [trade.side for trade in message.trades] == [Side.SELL, Side.SELL]
    assert message.trades[1].vendor == {"type": "m", "misc": "", "side": "s", "id": "hash"}


def test_there_is_no_sequence_and_ids_differ() -> None:
    trades = kraken.decode(UPDATE).trades
    assert {trade.sequence for trade in trades} == {0}
    assert len({trade.id for trade in trades}) == 2


def test_a_snapshot_that_tells_a_trade_again_gives_it_the_same_id() -> None:
    first, second = kraken.decode(UPDATE).trades
    alone = UPDATE.replace(b'["95381.70000","0.00032986","1737118158.321597","s","l",""],', b"")
    assert kraken.decode(alone).trades == [second]
    assert first.id != second.id


def test_equal_trades_of_a_message_are_two() -> None:
    twice = b'[1,[["1","2","3.5","b","l",""],["1","2","3.5","b","l",""]],"trade","XBT/USD"]'
    one, two = kraken.decode(twice).trades
    assert one.id != two.id


@pytest.mark.parametrize("place", range(6))
def test_whatever_is_said_of_a_trade_is_in_its_id(place: int) -> None:
    fields = ["1", "2", "3.5", "b", "l", ""]
    other = [*fields]
    other[place] = {3: "s", 4: "m", 5: "x"}.get(place, fields[place] + "1")
    ids = [
        kraken.decode(msgspec.json.encode([1, [each], "trade", "XBT/USD"])).trades[0].id
        for each in (fields, other)
    ]
    # Nobody documents what misc means, so it may change from one telling to the next.
    assert (ids[0] == ids[1]) is (place == 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"event":"heartbeat"}', Message("heartbeat")),
        (
            b'{"connectionID":8628615390848610000,"event":"systemStatus","status":"online",'
            b'"version":"1.0.0"}',
            Message("status"),
        ),
        (
            b'{"channelID":10001,"channelName":"trade","event":"subscriptionStatus",'
            b'"pair":"XBT/EUR","status":"subscribed","subscription":{"name":"trade"}}',
            Message("acknowledgement", about=("XBT/EUR",)),
        ),
        (
            b'{"errorMessage":"Subscription depth not supported","event":"subscriptionStatus",'
            b'"pair":"XBT/USD","status":"error","subscription":{"depth":42,"name":"book"}}',
            Message("refusal", about=("XBT/USD",), reason="Subscription depth not supported"),
        ),
    ],
)
def test_answers(text: bytes, expected: Message) -> None:
    assert kraken.decode(text) == expected


@pytest.mark.parametrize(
    "bad",
    [b'["abc","2","3.5","b","l",""]', b'["1","2"]', b"7", b"[]", b'["1","2","x","b","l",""]'],
)
def test_one_bad_trade_does_not_spoil_the_others(bad: bytes) -> None:
    message = kraken.decode(UPDATE.replace(b"[[", b"[" + bad + b",["))
    assert list(message.trades) == kraken.decode(UPDATE).trades
    assert len(message.faults) == 1
    assert message.faults[0].startswith("trade 0: ")


def test_a_signalling_nan_is_a_number_like_any_other_here() -> None:
    (trade,) = kraken.decode(b'[1,[["sNaN","2","3.5","b","l",""]],"trade","XBT/USD"]').trades
    assert trade.price.is_snan()


@pytest.mark.parametrize("text", [b'[1,[],"book","XBT/USD"]', b"[1,2,3]", b"[]", b"[1,[],2]"])
def test_other_lists_are_unreadable(text: bytes) -> None:
    assert kraken.decode(text).kind == "unreadable"
