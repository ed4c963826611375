"""Normalized trades as Avro, held against Apache's own reader and writer."""

from __future__ import annotations

import io
import json
from decimal import Context, Decimal
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.log.registry_server import RegistryServer

from kato.errors import InvalidInput, StoreUnreadable
from kato.market.log.avro import SCHEMA, Normalized, TradeDecoder, TradeEncoder
from kato.market.log.registry import PackagedSchemas, SchemaRegistry, framed
from kato.market.trade import EXCHANGES, Side, Trade

PARSED = avro.schema.parse(SCHEMA)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
longs = st.integers(-(2**63), 2**63 - 1)
numbers = st.decimals(places=12, min_value=-(10**30), max_value=10**30) | st.decimals()
trades = st.builds(
    Trade,
    symbol=texts,
    id=texts,
    sequence=longs,
    price=numbers,
    size=numbers,
    side=st.sampled_from(Side),
    time=longs,
    vendor=st.dictionaries(texts, texts, max_size=3),
)
normalized_trades = st.builds(
    Normalized,
    exchange=st.sampled_from(EXCHANGES),
    symbol=texts,
    received=longs,
    trade=trades,
)

encoder = TradeEncoder(PackagedSchemas(), "t")
decoder = TradeDecoder(PackagedSchemas())


def read_by_apache(value: bytes) -> Any:
    """The fields of a value, as Apache's reader reads them; all bytes are read."""
    buffer = io.BytesIO(value[5:])
    fields = avro.io.DatumReader(PARSED).read(avro.io.BinaryDecoder(buffer))
    assert buffer.read() == b""
    return fields


def written_by_apache(schema: dict[str, Any], fields: dict[str, Any]) -> bytes:
    """Fields as Apache's writer writes them."""
    buffer = io.BytesIO()
    writer = avro.io.DatumWriter(avro.schema.parse(json.dumps(schema)))
    writer.write(fields, avro.io.BinaryEncoder(buffer))
    return buffer.getvalue()


def trade_of(price: str, size: str) -> Normalized:
    """A trade at a price."""
    trade = Trade("XBT/USD", "7", 0, Decimal(price), Decimal(size), Side.SELL_SHORT, 5, {"a": "b"})
    return Normalized("kraken", "BTC/USD", 6, trade)


@given(normalized_trades)
def test_a_trade_comes_back_as_it_was(normalized: Normalized) -> None:
    back = decoder.decode(encoder.encode(normalized))
    # A signalling NaN equals nothing, and cannot be compared; its text can.
    assert repr(back) == repr(normalized)


@given(normalized_trades)
def test_others_read_the_same(normalized: Normalized) -> None:
    fields, trade = read_by_apache(encoder.encode(normalized)), normalized.trade
    assert fields["exchange"] == normalized.exchange
    assert fields["symbol"] == trade.symbol
    assert fields["canonical_symbol"] == normalized.symbol
    assert fields["trade_id"] == trade.id
    assert repr(Decimal(fields["price"])) == repr(trade.price)
    assert repr(Decimal(fields["quantity"])) == repr(trade.size)
    assert fields["side"] == trade.side.name
    assert fields["timestamp"] == normalized.received
    assert fields["exchange_timestamp"] == trade.time
    assert fields["source_sequence"] == (trade.sequence or None)
    assert fields["vendor_data"] == trade.vendor


@given(normalized_trades.filter(lambda n: n.trade.price.is_finite() and n.trade.size.is_finite()))
def test_the_product_is_exact(normalized: Normalized) -> None:
    product = Decimal(read_by_apache(encoder.encode(normalized))["quote_volume"])
    exact = Context(prec=200).multiply(normalized.trade.price, normalized.trade.size)
    assert product == exact


@pytest.mark.parametrize(
    ("price", "size", "told"),
    [
        ("95381.70000000", "0.00120000", ("95381.70000000", "0.00120000", "114.4580400000000000")),
        ("1E-10", "1e3", ("0.0000000001", "1000", "0.0000001")),
        ("0E-20", "1", ("0.00000000000000000000", "1", "0.00000000000000000000")),
        ("1E+999999", "1", ("1E+999999", "1", "1E+999999")),
        ("NaN", "1", ("NaN", "1", "NaN")),
        ("sNaN", "Infinity", ("sNaN", "Infinity", "NaN")),
        ("-Infinity", "0", ("-Infinity", "0", "NaN")),
    ],
)
def test_numbers_are_told_as_they_are(price: str, size: str, told: tuple[str, ...]) -> None:
    fields = read_by_apache(encoder.encode(trade_of(price, size)))
    assert (fields["price"], fields["quantity"], fields["quote_volume"]) == told


def test_a_value_begins_with_the_id_of_the_registry() -> None:
    with RegistryServer() as server:
        registry = SchemaRegistry(server.url)
        value = TradeEncoder(registry, "t").encode(trade_of("1", "2"))
        assert value.startswith(framed(server.versions["t-value"][0]))
        reading = SchemaRegistry(server.url)
        assert TradeDecoder(reading).decode(value) == trade_of("1", "2")
        registry.close()
        reading.close()


def test_values_of_other_versions_are_read_as_far_as_they_can_be() -> None:
    schema = json.loads(SCHEMA)
    fields = read_by_apache(encoder.encode(trade_of("1", "2")))
    gone = {"vendor_data", "source_sequence"}
    schema["fields"] = [field for field in schema["fields"] if field["name"] not in gone]
    schema["fields"].insert(2, {"name": "more", "type": "long"})
    older = {name: value for name, value in fields.items() if name not in gone}
    with RegistryServer() as server:
        number = server.register("t-value", json.dumps(schema))
        registry = SchemaRegistry(server.url)
        value = framed(number) + written_by_apache(schema, {**older, "more": 7})
        read = TradeDecoder(registry).decode(value)
        assert TradeEncoder(registry, "t").encode(read)  # ours may follow the older one
        registry.close()
    assert read.trade.price == Decimal(1)
    assert (read.trade.vendor, read.trade.sequence) == ({}, 0)


def test_what_is_no_trade_is_told() -> None:
    value = encoder.encode(trade_of("1", "2"))
    for length in range(len(value)):
        with pytest.raises(InvalidInput):
            decoder.decode(value[:length])
    with pytest.raises(StoreUnreadable, match="no schema 9"):
        decoder.decode(framed(9) + value[5:])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_trade_or_told(value: bytes) -> None:
    try:
        decoder.decode(framed(1) + value)
    except InvalidInput:
        return
    assert len(value) > 10
