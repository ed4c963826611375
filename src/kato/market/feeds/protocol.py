"""What is asked of the protocol of an exchange, and what its messages mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from kato.market.trade import Exchange, Trade

Kind = Literal["trades", "heartbeat", "acknowledgement", "refusal", "status", "unreadable"]

GREATEST_SEQUENCE = 2**63 - 1
GREATEST_TIME = 2**63 - 1
"""ns since 1970: what ClickHouse's times of nine digits end at, in the year 2262."""

REQUEST = 1
"""Number of the first request of a connection; the next ones follow."""


class Message(msgspec.Struct, frozen=True):
    """What a text of an exchange says.

    Attributes:
        kind: What it is about.
        trades: Trades, in its order.
        faults: What of it cannot be read, and why.
        snapshot: Whether it tells of trades before the subscription.
        sequence: Its place among all messages of the connection, where they are counted.
        about: Of an acknowledgement or a refusal, which subscriptions (see
            :class:`Subscription`); of a refusal, none means all of the connection.
        reason: Of a refusal, why.

    >>> Message("heartbeat").trades
    ()
    """

    kind: Kind
    trades: Sequence[Trade] = ()
    faults: Sequence[str] = ()
    snapshot: bool = False
    sequence: int | None = None
    about: tuple[str, ...] = ()
    reason: str = ""


class Subscription(msgspec.Struct, frozen=True):
    """A request to be told something.

    Attributes:
        text: What to send.
        expects: What acknowledgements of it will be about, all together.
    """

    text: bytes
    expects: frozenset[str]


class ExchangeProtocol(Protocol):
    """How to talk with an exchange. Objects of it have no state.

    Attributes:
        name: Of the protocol; an exchange may have several.
        exchange: Whose it is.
        url: Where the exchange listens.
        consecutive: Whether the sequences of a symbol's trades have no holes.
        silence: Seconds without any message after which a connection is dead.
        lifetime: Seconds after which a connection is replaced, before the exchange cuts it.
    """

    name: str
    exchange: Exchange
    url: str
    consecutive: bool
    silence: float
    lifetime: float

    def subscriptions(self, symbols: Sequence[str]) -> list[Subscription]:
        """What to send to be told the trades of these symbols.

        Raises:
            InvalidInput: A connection takes no such subscription.
        """

    def decode(self, text: bytes) -> Message:
        """What a text says. Never raises: what cannot be read is a fault of the message."""


def unreadable(reason: object) -> Message:
    """A text nobody can read.

    >>> unreadable("no JSON").faults
    ('no JSON',)
    """
    return Message("unreadable", faults=(str(reason),))


UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding raises: text that is no JSON or of another shape, bytes that are no text, numbers
that are none, and brackets without end."""
