"""All protocols, by name, and how ingest reads what feeds wrote."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kato.errors import InvalidInput, shown
from kato.market.feeds.binance import Binance
from kato.market.feeds.coinbase import Coinbase
from kato.market.feeds.kraken import Kraken
from kato.market.feeds.kraken_v1 import KrakenV1
from kato.market.feeds.protocol import ExchangeProtocol, Message
from kato.market.trade import Exchange

PROTOCOLS: Mapping[str, ExchangeProtocol] = MappingProxyType(
    {protocol.name: protocol for protocol in (Binance(), Kraken(), KrakenV1(), Coinbase())}
)


def protocol_of(name: str) -> ExchangeProtocol:
    """The protocol of a name: ``binance``, ``kraken``, ``kraken_v1`` or ``coinbase``.

    Raises:
        InvalidInput: There is none.
    """
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise InvalidInput(
            f"no such protocol: {shown(name)}", remedy="use " + ", ".join(PROTOCOLS)
        ) from None


def decode(exchange: Exchange, text: bytes) -> Message:
    """What a text of an exchange says, whichever protocol of it was spoken.

    >>> decode("kraken", b'[1,[["1.5","2","3.25","s","l",""]],"trade","XBT/USD"]').trades[0].time
    3250000000
    """
    # All that Kraken's first version says of trades is a list; all of its second is an object.
    first = exchange == "kraken" and text[:1] == b"["
    return PROTOCOLS["kraken_v1" if first else exchange].decode(text)
