from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from kato.market.feeds.kraken import Kraken
from kato.market.feeds.protocol import Message
from kato.market.trade import Side, Trade

UPDATE = (
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell",'
    b'"price":95381.7,"qty":0.00032986,"ord_type":"limit","trade_id":4665906,'
    b'"timestamp":"2025-01-17T12:49:18.321597Z"}]}'
)
EXPECTED = Trade(
    "BTC/USD",
    "4665906",
    4665906,
    Decimal("95381.7"),
    Decimal("0.00032986"),
    Side.SELL,
    1737118158321597000,
    {"ord_type": "limit", "side": "sell"},
)

kraken = Kraken()


def test_a_documented_update() -> None:
    assert kraken.decode(UPDATE) == Message("trades", [EXPECTED])


def test_a_snapshot_of_several_symbols() -> None:
    text = (
        b'{"channel":"trade","type":"snapshot","data":['
        b'{"symbol":"MATIC/USD","side":"buy","price":0.5147,"qty":6423.46326,"ord_type":"limit",'
        b'"trade_id":4665846,"timestamp":"2023-09-25T07:48:36.925533Z"},'
        b'{"symbol":"BTC/USD","side":"sell","price":1e-8,"qty":1136.19677815,"ord_type":"market",'
        b'"trade_id":4665847,"timestamp":"2023-09-25T07:49:36.925603Z"}]}'
    )
    message = kraken.decode(text)
    assert message.snapshot
    assert [(trade.symbol, trade.side, trade.sequence) for trade in message.trades] == [
        ("MATIC/USD", Side.BUY, 4665846),
        ("BTC/USD", Side.SELL, 4665847),
    ]
    assert message.trades[1].price == Decimal("0.00000001")
    assert message.trades[1].time - message.trades[0].time == 60 * 10**9 + 70_000


def test_numbers_do_not_go_through_floats() -> None:
    text = UPDATE.replace(b"95381.7", b"0.1234567890123456789012345678")
    assert kraken.decode(text).trades[0].price == Decimal("0.1234567890123456789012345678")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"channel":"heartbeat"}', Message("heartbeat")),
        (
            b'{"channel":"status","data":[{"api_version":"v2","connection_id":13834774380200032777,'
            b'"system":"online","version":"2.0.0"}],"type":"update"}',
            Message("status"),
        ),
        (b'{"method":"pong","req_id":101,"time_in":"2023-09-24T14:10:23.799685Z"}', None),
        (
            b'{"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},'
            b'"success":true,"time_in":"2023-09-25T09:21:10.428340Z"}',
            Message("acknowledgement", about=("BTC/USD",)),
        ),
        (
            b'{"error":"Currency pair not supported FOO/USD","method":"subscribe","success":false,'
            b'"symbol":"FOO/USD"}',
            Message("refusal", about=("FOO/USD",), reason="Currency pair not supported FOO/USD"),
        ),
    ],
)
def test_answers(text: bytes, expected: Message | None) -> None:
    assert kraken.decode(text) == (expected or Message("status"))


def test_one_bad_trade_does_not_spoil_the_others() -> None:
    bad = UPDATE[UPDATE.index(b"[") + 1 : UPDATE.index(b"]")].replace(b"95381.7", b'"abc"')
    message = kraken.decode(UPDATE.replace(b"[", b"[" + bad + b","))
    assert list(message.trades) == [EXPECTED]
    assert message.faults == ["trade 0: Invalid decimal string - at `$.price`"]


@pytest.mark.parametrize(
    "time", ["2025-01-17 12:49", "", "tomorrow", "2025-13-01T00:00:00Z", "2300-01-01T00:00:00Z"]
)
def test_a_time_that_is_none_is_a_fault(time: str) -> None:
    message = kraken.decode(UPDATE.replace(b"2025-01-17T12:49:18.321597Z", time.encode()))
    assert not message.trades
    assert len(message.faults) == 1


def test_a_side_nobody_knows_is_kept_as_it_is_said() -> None:
    (trade,) = kraken.decode(UPDATE.replace(b'"sell"', b'"auction"')).trades
    assert (trade.side, trade.vendor["side"]) == (Side.UNKNOWN, "auction")


def test_all_symbols_in_one_request() -> None:
    (asked,) = kraken.subscriptions(["BTC/USD", "ETH/USD"])
    sent = msgspec.json.decode(asked.text)
    assert sent["params"] == {
        "channel": "trade",
        "symbol": ["BTC/USD", "ETH/USD"],
        "snapshot": True,
    }
    assert asked.expects == {"BTC/USD", "ETH/USD"}
