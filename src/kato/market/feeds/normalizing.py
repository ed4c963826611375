"""Normalized trades for a feed, as Avro in the schema of the package."""

from __future__ import annotations

from kato.market.instruments import Instrument
from kato.market.log.avro import Normalized, TradeEncoder
from kato.market.log.records import normalized_topic
from kato.market.log.registry import Schemas
from kato.market.trade import EXCHANGES, Exchange, Trade


class Normalizer:
    """The :data:`~kato.market.feeds.feed.Encoder` of feeds.

    Args:
        schemas: Where the schema has its id.
        exchanges: Whose trades are to be written.

    Raises:
        StoreUnavailable: The registry does not answer.
        StoreUnreadable: It refuses the schema.
    """

    def __init__(self, schemas: Schemas, exchanges: tuple[Exchange, ...] = EXCHANGES) -> None:
        self._encoders = {
            exchange: TradeEncoder(schemas, normalized_topic(exchange)) for exchange in exchanges
        }

    def __call__(
        self, exchange: Exchange, trade: Trade, instrument: Instrument, received: int
    ) -> bytes:
        """The value of a record (``received`` in ns since 1970)."""
        normalized = Normalized(exchange, instrument.symbol, received, trade)
        return self._encoders[exchange].encode(normalized)
