"""What goes wrong at a simulated exchange, and how often."""

from __future__ import annotations

import msgspec

from kato.errors import InvalidInput


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Chances between 0 and 1; all 0 if nothing is said.

    Attributes:
        lost: Of a trade, to be told to nobody (unless a later snapshot holds it).
        late: Of a trade, to be told only with the next step.
        again: Of a message, to be sent twice.
        invalid: Of a trade, to have a price of 0 or a size of 15 digits after the point.
        malformed: Of a step, that there is a trade that cannot be read among the others.
        unknown: Of a step, that there is a trade of something nobody knows.
        garbage: Of a step, that a text without meaning is sent.
        drop: Of a step, that all connections are closed behind it.
        stall: Of a step, that all connections fall silent for ever.
        refused: Of a subscription, to be refused.
        unanswered: Of a subscription, to be never answered.

    >>> Faults(lost=0.1).lost
    0.1
    """

    lost: float = 0.0
    late: float = 0.0
    again: float = 0.0
    invalid: float = 0.0
    malformed: float = 0.0
    unknown: float = 0.0
    garbage: float = 0.0
    drop: float = 0.0
    stall: float = 0.0
    refused: float = 0.0
    unanswered: float = 0.0

    def __post_init__(self) -> None:
        for name, chance in msgspec.structs.asdict(self).items():
            if not 0.0 <= chance <= 1.0:
                raise InvalidInput(f"{name} must be between 0 and 1, got {chance}")

    @classmethod
    def mild(cls) -> Faults:
        """A bad day: something of everything, now and then."""
        return cls(
            lost=0.0005,
            late=0.002,
            again=0.002,
            invalid=0.0002,
            malformed=0.0005,
            unknown=0.0005,
            garbage=0.0005,
            drop=0.0002,
            stall=0.00005,
            refused=0.05,
            unanswered=0.02,
        )
