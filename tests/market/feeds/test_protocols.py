from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.errors import InvalidInput
from kato.market.feeds.protocols import PROTOCOLS, decode, protocol_of
from kato.market.feeds.sides import TAKER
from kato.market.simulator.truth import Made
from kato.market.simulator.wire import GARBAGE, WIRES
from kato.market.trade import EXCHANGES, Side

UNITS = {"binance": 10**6, "kraken": 10**3, "kraken_v1": 10**3, "coinbase": 1}
WORDS = re.findall(
    r"\w+",
    "e s t p q T m E b a channel type data events trades event pair status method success result "
    "id error symbol side price qty trade_id timestamp product_id size time sequence_num "
    "subscriptions stream",
)
BIG = st.integers(-(10**40), 10**40)
JSON = st.recursive(
    st.none() | st.booleans() | BIG | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner | st.sampled_from(["trade", "market_trades", "subscribe", "subscriptions"]),
            max_size=8,
        )
    ),
    max_leaves=30,
)
names = pytest.mark.parametrize("name", sorted(PROTOCOLS))


@st.composite
def made(draw: st.DrawFn, name: str) -> list[Made]:
    """Trades as an exchange can tell them: no two of a symbol are the same one."""
    numbers = count(draw(st.integers(1, 10**15)))
    amounts = st.decimals(
        min_value=Decimal("1e-8"), max_value=Decimal(10**9), places=8, allow_nan=False
    )
    return [
        Made(
            PROTOCOLS[name].exchange,
            draw(st.sampled_from(["BTC/USD", "ETHUSDT", 'a "quoted" \\ ☃'])),
            next(numbers),
            draw(amounts),
            draw(amounts),
            draw(st.sampled_from([Side.BUY, Side.SELL])),
            draw(st.integers(0, 2**62)) // UNITS[name] * UNITS[name],
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


@names
@given(data=st.data())
def test_what_a_simulated_exchange_tells_is_what_was_made(name: str, data: st.DataObject) -> None:
    trades, numbers = data.draw(made(name)), count()
    messages = [
        PROTOCOLS[name].decode(text.encode())
        for text in WIRES[name].trades(trades, lambda: next(numbers))
    ]
    assert not [fault for message in messages for fault in message.faults]
    read = [trade for message in messages for trade in message.trades]
    told = {(t.symbol, t.price, t.size, t.side, t.time) for t in read}
    assert told == {(t.symbol, t.price, t.size, t.side, t.time) for t in trades}
    if name != "kraken_v1":
        assert {(t.symbol, t.id, t.sequence) for t in read} == {
            (t.symbol, str(t.number), t.number) for t in trades
        }


@names
@given(text=st.binary() | st.sampled_from(GARBAGE) | JSON.map(lambda it: json.dumps(it).encode()))
def test_nothing_makes_a_decoder_fail(name: str, text: bytes) -> None:
    assert_sane(name, text)


@names
@given(data=st.data())
def test_nor_does_a_real_message_with_a_few_bytes_changed(name: str, data: st.DataObject) -> None:
    numbers = count()
    texts = WIRES[name].trades(data.draw(made(name)), lambda: next(numbers))
    text = bytearray(texts[0].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        text = text or bytearray(b"x")
    assert_sane(name, bytes(text))


def assert_sane(name: str, text: bytes) -> None:
    message = PROTOCOLS[name].decode(text)
    assert message == PROTOCOLS[name].decode(text) or b"NaN" in text or b"nan" in text
    if message.kind == "unreadable":
        assert message.faults
        assert not message.trades
    for trade in message.trades:
        trade.symbol.encode()
        assert 0 <= trade.time < 2**63
        assert 0 <= trade.sequence < 2**63
        assert isinstance(trade.price, Decimal)
        assert trade.id


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
@pytest.mark.parametrize("text", GARBAGE, ids=lambda text: repr(text[:20]))
def test_garbage_has_no_trades_and_says_what_is_wrong(name: str, text: bytes) -> None:
    message = PROTOCOLS[name].decode(text)
    assert not message.trades
    assert message.faults


def test_ingest_reads_both_versions_of_kraken() -> None:
    numbers: Any = iter(())
    trade = Made("kraken", "BTC/USD", 7, Decimal("1.5"), Decimal(2), Side.BUY, 10**9)
    for name in ("kraken", "kraken_v1"):
        (text,) = WIRES[name].trades([trade], numbers)
        (read,) = decode("kraken", text.encode()).trades
        assert (read.symbol, read.price, read.time) == ("BTC/USD", Decimal("1.5"), 10**9)


def test_all_exchanges_are_spoken_with() -> None:
    assert {protocol.exchange for protocol in PROTOCOLS.values()} == set(EXCHANGES) == set(TAKER)
    assert set(WIRES) == set(PROTOCOLS)


def test_a_protocol_nobody_knows() -> None:
    with pytest.raises(InvalidInput, match="use binance, kraken, kraken_v1, coinbase"):
        protocol_of("nasdaq")
