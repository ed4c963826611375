from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from kato.errors import InvalidInput
from kato.market.feeds.binance import Binance
from kato.market.feeds.protocol import Message
from kato.market.trade import Side, Trade

TRADE = (
    b'{"e":"trade","E":1737118158329,"s":"BTCUSDT","t":4500123456,"p":"95381.70000000",'
    b'"q":"0.00120000","T":1737118158321,"m":true,"M":true}'
)
EXPECTED = Trade(
    "BTCUSDT",
    "4500123456",
    4500123456,
    Decimal("95381.70000000"),
    Decimal("0.00120000"),
    Side.SELL,
    1737118158321 * 10**6,
    {"E": "1737118158329"},
)

binance = Binance()


def test_a_documented_trade() -> None:
    assert binance.decode(TRADE) == Message("trades", (EXPECTED,))


def test_digits_stay_as_they_are_written() -> None:
    (trade,) = binance.decode(TRADE).trades
    assert (str(trade.price), str(trade.size)) == ("95381.70000000", "0.00120000")


def test_the_envelope_of_combined_streams() -> None:
    wrapped = b'{"stream":"btcusdt@trade","data":%b}' % TRADE
    assert binance.decode(wrapped) == Message("trades", (EXPECTED,))


def test_the_buyer_took_when_the_seller_made() -> None:
    (trade,) = binance.decode(TRADE.replace(b'"m":true', b'"m":false')).trades
    assert trade.side is Side.BUY


def test_order_ids_that_older_messages_have() -> None:
    (trade,) = binance.decode(TRADE.replace(b'"T":', b'"b":88,"a":50,"T":')).trades
    assert trade.vendor == {"E": "1737118158329", "b": "88", "a": "50"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"result":null,"id":1}', Message("acknowledgement", about=("1",))),
        (
            b'{"error":{"code":2,"msg":"no"},"id":3}',
            Message("refusal", about=("3",), reason="{'code': 2, 'msg': 'no'}"),
        ),
        (b'{"code":2,"msg":"no","id":3}', Message("refusal", about=("3",), reason="no")),
        (b'{"error":"too many","id":null}', Message("refusal", reason="too many")),
        (b'{"e":"serverShutdown","E":1770123456789}', Message("status")),
    ],
)
def test_answers(text: bytes, expected: Message) -> None:
    assert binance.decode(text) == expected


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (b'"95381.70000000"', b'"abc"', "Invalid decimal string"),
        (b'"95381.70000000"', b"true", "Expected `decimal`"),
        (b"4500123456", b"-1", "Expected `int` >= 0"),
        (b"4500123456", b"9223372036854775808", "Expected `int` <="),
        (b'"T":1737118158321', b'"T":1737118158321000', "a time that cannot be kept"),
        (b'"m":true', b'"m":1', "Expected `bool`"),
        (b'"s":"BTCUSDT",', b"", "required field `s`"),
    ],
)
def test_a_trade_that_cannot_be_read_says_why(before: bytes, after: bytes, fault: str) -> None:
    message = binance.decode(TRADE.replace(before, after))
    assert not message.trades
    assert fault in message.faults[0]


def test_another_event_is_no_trade() -> None:
    message = binance.decode(TRADE.replace(b'"trade"', b'"aggTrade"'))
    assert message.kind == "unreadable"
    assert "aggTrade" in message.faults[0]


@pytest.mark.parametrize("count", [1, 256, 257, 1024])
def test_each_symbol_is_asked_for_once_in_few_requests(count: int) -> None:
    symbols = [f"S{number}USDT" for number in range(count)]
    asked = binance.subscriptions(symbols)
    sent = [msgspec.json.decode(each.text) for each in asked]
    assert [name for each in sent for name in each["params"]] == [
        f"{symbol.lower()}@trade" for symbol in symbols
    ]
    assert [each.expects for each in asked] == [{str(request["id"])} for request in sent]
    assert len(asked) <= 4  # of five messages a second


def test_more_streams_than_a_connection_takes() -> None:
    with pytest.raises(InvalidInput, match="1024 symbols"):
        binance.subscriptions(["X"] * 1025)
