"""What really happened at a simulated exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from kato.errors import InvalidInput
from kato.market.trade import Exchange, Side


class Made(msgspec.Struct, frozen=True):
    """A trade that was made.

    Attributes:
        exchange: Where.
        symbol: What the exchange calls what was traded.
        number: Its place among the trades of its symbol, from 1; also its id, where there are ids.
        price: As exactly as it is told.
        size: The same.
        side: Who took.
        time: When, ns since 1970, as exactly as it is told.
    """

    exchange: Exchange
    symbol: str
    number: int
    price: Decimal
    size: Decimal
    side: Side
    time: int


class Truth:
    """All trades, those that were told, and all that went wrong.

    Args:
        told: Called with each trade when it is told for the first time.

    Attributes:
        made: Every trade, in the order they were made.
        faults: How often something went wrong, by the names of
            :class:`~kato.market.simulator.faults.Faults`; texts as often as they were sent.
    """

    def __init__(self, told: Callable[[Made], None] | None = None) -> None:
        self.made: list[Made] = []
        self.faults: Counter[str] = Counter()
        self._told: set[tuple[str, int]] = set()
        self._report = told

    def told(self) -> list[Made]:
        """The trades that were told to somebody, in the order they were made."""
        return [each for each in self.made if (each.symbol, each.number) in self._told]

    def tell(self, trades: Iterable[Made]) -> None:
        """Note that trades were told."""
        for each in trades:
            key = (each.symbol, each.number)
            if key not in self._told:
                self._told.add(key)
                if self._report is not None:
                    self._report(each)


class TruthFile:
    """A file that gets a line of JSON for each trade that is told.

    Args:
        path: The file, written anew; nothing is written if None.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._file = self._path.open("wb", buffering=0)
            except OSError as error:
                raise InvalidInput(f"cannot write {self._path}: {error.strerror}") from error
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, made: Made) -> None:
        """Write a trade."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(made) + b"\n")
