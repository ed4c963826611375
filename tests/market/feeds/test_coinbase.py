from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from kato.market.feeds.coinbase import Coinbase
from kato.market.feeds.protocol import Message
from kato.market.trade import Side, Trade

UPDATE = (
    b'{"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z",'
    b'"sequence_num":13,"events":[{"type":"update","trades":[{"trade_id":"12345",'
    b'"product_id":"BTC-USD","price":"21921.73","size":"0.00099853","side":"BUY",'
    b'"time":"2023-02-09T20:32:57.609931067Z"}]}]}'
)
EXPECTED = Trade(
    "BTC-USD",
    "12345",
    12345,
    Decimal("21921.73"),
    Decimal("0.00099853"),
    Side.SELL,  # BUY is the maker's
    1675974777609931067,
    {"side": "BUY", "sequence_num": "13"},
)

coinbase = Coinbase()


def test_a_documented_update() -> None:
    assert coinbase.decode(UPDATE) == Message("trades", [EXPECTED], sequence=13)


def test_the_seller_made_so_the_buyer_took() -> None:
    (trade,) = coinbase.decode(UPDATE.replace(b'"BUY"', b'"SELL"')).trades
    assert trade.side is Side.BUY


def test_a_snapshot_is_read_like_an_update() -> None:
    message = coinbase.decode(UPDATE.replace(b'"update"', b'"snapshot"'))
    assert message.snapshot
    assert message.trades == [EXPECTED]


def test_a_message_of_several_events_and_products() -> None:
    event = UPDATE[UPDATE.index(b"[") + 1 : UPDATE.rindex(b"]")]
    other = event.replace(b"BTC-USD", b"ETH-USD").replace(b"12345", b"777")
    message = coinbase.decode(UPDATE.replace(event, event + b"," + other))
    assert [(trade.symbol, trade.id) for trade in message.trades] == [
        ("BTC-USD", "12345"),
        ("ETH-USD", "777"),
    ]


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        ("2023-02-09T20:32:57.609931067Z", 1675974777609931067),
        ("2023-02-09T20:32:57.609931Z", 1675974777609931000),
        ("2023-02-09T20:32:57Z", 1675974777000000000),
        ("2023-02-09T21:32:57.5+01:00", 1675974777500000000),
    ],
)
def test_no_digit_of_a_time_is_lost(time: str, nanoseconds: int) -> None:
    text = UPDATE.replace(b"2023-02-09T20:32:57.609931067Z", time.encode())
    assert coinbase.decode(text).trades[0].time == nanoseconds


@pytest.mark.parametrize(
    ("name", "sequence"), [("a1b2", 0), ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("١٢", 0)]
)
def test_an_id_that_is_no_number_has_no_place(name: str, sequence: int) -> None:
    (trade,) = coinbase.decode(UPDATE.replace(b"12345", name.encode())).trades
    assert (trade.id, trade.sequence) == (name, sequence)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b'{"channel":"heartbeats","client_id":"","timestamp":"2023-06-23T20:31:26.122969572Z",'
            b'"sequence_num":5,"events":[{"current_time":"2023-06-23 20:31:56.121961769 +0000 UTC",'
            b'"heartbeat_counter":"3049"}]}',
            Message("heartbeat", sequence=5),
        ),
        (
            b'{"channel":"subscriptions","client_id":"","timestamp":"2023-02-09T20:19:35Z",'
            b'"sequence_num":1,"events":[{"subscriptions":{"heartbeats":["heartbeats"],'
            b'"market_trades":["BTC-USD","ETH-USD"]}}]}',
            Message("acknowledgement", sequence=1, about=("BTC-USD", "ETH-USD", "heartbeats")),
        ),
        (
            b'{"type":"error","message":"authentication failure"}',
            Message("refusal", reason="authentication failure"),
        ),
    ],
)
def test_answers(text: bytes, expected: Message) -> None:
    assert coinbase.decode(text) == expected


def test_one_bad_trade_does_not_spoil_the_others() -> None:
    good = UPDATE[UPDATE.index(b'{"trade_id"') : UPDATE.index(b"]")]
    bad = good.replace(b"21921.73", b"abc")
    message = coinbase.decode(UPDATE.replace(good, bad + b"," + good))
    assert message.trades == [EXPECTED]
    assert message.sequence == 13
    assert message.faults == ["trade 0: Invalid decimal string - at `$.price`"]


def test_heartbeats_are_asked_for_in_a_request_of_their_own() -> None:
    sent = [msgspec.json.decode(each.text) for each in coinbase.subscriptions(["BTC-USD"])]
    assert sent == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "channel": "market_trades", "product_ids": ["BTC-USD"]},
    ]
