"""Normalized trades as Avro, for consumers of other systems.

The schema is ``schemas/0001_normalized_trade.avsc``. A value says which schema it is written in
(see :mod:`kato.market.log.registry`), so an older or newer one is read as far as it can be.
"""

from __future__ import annotations

import io
import json
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Any

import fastavro
import msgspec

from kato.errors import InvalidInput
from kato.market.log.registry import HEADER_BYTES, Schemas, framed, packaged, schema_id
from kato.market.trade import Side, Trade

SCHEMA = packaged("normalized_trade")
SCHEMA_VERSION = "2.0.0"
"""1.0.0 is the schema of the platform that this one replaces: in ms, and with two sides."""

PLAIN_DIGITS = 40
"""A number with more digits than that before or behind the point is written with an exponent."""

# Nothing is rounded and nothing fails; what is no number stays none.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


class Normalized(msgspec.Struct, frozen=True):
    """A trade and what ingest knows of it.

    Attributes:
        exchange: Where it was made.
        symbol: The instrument's canonical symbol, such as ``BTC/USDT``.
        received: When it was received, ns since 1970.
        trade: The trade.
    """

    exchange: str
    symbol: str
    received: int
    trade: Trade


class TradeEncoder:
    """Writes trades of a topic.

    Args:
        schemas: Where the schema has its id.
        topic: Where they go.

    Raises:
        StoreUnavailable: The registry does not answer.
        StoreUnreadable: It refuses the schema.
    """

    def __init__(self, schemas: Schemas, topic: str) -> None:
        self._schema = _parsed(SCHEMA)
        self._head = framed(schemas.id_of(topic, SCHEMA))

    def encode(self, normalized: Normalized) -> bytes:
        """The trade in the wire format of schema registries."""
        buffer = io.BytesIO()
        buffer.write(self._head)
        fastavro.schemaless_writer(buffer, self._schema, _fields(normalized))
        return buffer.getvalue()


class TradeDecoder:
    """Reads trades, whatever schema they are written in.

    Args:
        schemas: Where schemas have ids.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._schema = _parsed(SCHEMA)
        self._known: dict[int, Any] = {}

    def decode(self, value: bytes) -> Normalized:
        """A value of the topic as a trade.

        Raises:
            InvalidInput: It is none.
            StoreUnavailable: The registry does not answer.
            StoreUnreadable: It does not know the schema.
        """
        number = schema_id(value)
        if number not in self._known:
            self._known[number] = _parsed(self._schemas.schema_of(number))
        buffer = io.BytesIO(value)
        buffer.seek(HEADER_BYTES)
        try:
            read: Any = fastavro.schemaless_reader(buffer, self._known[number], self._schema)
            return _normalized(read)
        except (*_UNREADABLE, InvalidOperation) as error:
            raise InvalidInput(
                f"a value of schema {number} is no normalized trade: {error!r}",
                remedy="see who else writes to the topic",
            ) from error


# fastavro has no error of its own for what ends too early, or holds what the schema has not.
_UNREADABLE = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError)


def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(json.loads(schema))


def _fields(normalized: Normalized) -> dict[str, Any]:
    trade = normalized.trade
    return {
        "schema_version": SCHEMA_VERSION,
        "exchange": normalized.exchange,
        "symbol": trade.symbol,
        "canonical_symbol": normalized.symbol,
        "trade_id": trade.id,
        "price": _text(trade.price),
        "quantity": _text(trade.size),
        "quote_volume": _text(_EXACT.multiply(trade.price, trade.size)),
        "side": trade.side.name,
        "timestamp": normalized.received,
        "exchange_timestamp": trade.time,
        "source_sequence": trade.sequence or None,
        "vendor_data": trade.vendor,
    }


def _normalized(fields: dict[str, Any]) -> Normalized:
    trade = Trade(
        symbol=fields["symbol"],
        id=fields["trade_id"],
        sequence=fields["source_sequence"] or 0,
        price=Decimal(fields["price"]),
        size=Decimal(fields["quantity"]),
        side=Side[fields["side"]],
        time=fields["exchange_timestamp"],
        vendor=fields["vendor_data"],
    )
    return Normalized(fields["exchange"], fields["canonical_symbol"], fields["timestamp"], trade)


def _text(value: Decimal) -> str:
    text = str(value)
    if "E" in text and abs(value.adjusted()) <= PLAIN_DIGITS:
        return format(value, "f")
    return text
