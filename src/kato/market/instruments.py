"""Instruments: what an exchange calls each, and what it is.

One TOML file says it, a table for each exchange, an entry for each name that the exchange uses::

    [kraken]
    "BTC/USD" = { base = "BTC", quote = "USD", price_scale = 1, size_scale = 8 }
    "XBT/USD" = { base = "BTC", quote = "USD", price_scale = 1, size_scale = 8, only = "kraken_v1" }

A name that is not in it is never guessed: what is said about it goes to the dead letters.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import structlog

from kato.errors import InvalidInput, shown
from kato.market.trade import EXCHANGES, SCALE, Exchange

DEFAULT = "instruments.toml"
"""The file that comes with the package."""


class Instrument(msgspec.Struct, frozen=True):
    """Something that is traded on an exchange.

    Attributes:
        exchange: Where.
        native: What the exchange calls it.
        base: What is bought and sold.
        quote: What it is paid with.
        price_scale: Digits after the point that prices have there, at most 12.
        size_scale: The same of sizes.
        only: The protocol that alone uses this name; any if empty.

    >>> Instrument("kraken", "XBT/USD", "BTC", "USD").symbol
    'BTC/USD'
    """

    exchange: Exchange
    native: str
    base: str
    quote: str
    price_scale: int = 8
    size_scale: int = 8
    only: str = ""

    @property
    def symbol(self) -> str:
        """What it is called everywhere: base and quote."""
        return f"{self.base}/{self.quote}"


class Instruments:
    """All instruments that are known.

    Args:
        instruments: Each (exchange, native name) at most once.

    >>> known = Instruments.default()
    >>> known.find("coinbase", "BTC-USD").symbol, known.find("binance", "NOSUCHTHING")
    ('BTC/USD', None)
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._known: dict[Exchange, dict[str, Instrument]] = {name: {} for name in EXCHANGES}
        for instrument in instruments:
            self._known[instrument.exchange][instrument.native] = instrument

    @classmethod
    def default(cls) -> Instruments:
        """Those of the file that comes with the package."""
        return cls.parse((resources.files("kato.market") / DEFAULT).read_text("utf-8"), DEFAULT)

    @classmethod
    def parse(cls, text: str, name: str) -> Instruments:
        """Read the text of such a file.

        Args:
            text: TOML.
            name: What errors call it.

        Raises:
            InvalidInput: It is not TOML, or an entry is not as this module says.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _unusable(name, str(error)) from error
        return cls(
            _instrument(exchange, native, entry, name)
            for exchange, entries in tables.items()
            for native, entry in _entries(exchange, entries, name)
        )

    def find(self, exchange: Exchange, native: str) -> Instrument | None:
        """What an exchange means by a name; None if nobody said."""
        return self._known[exchange].get(native)

    def of(self, exchange: Exchange, protocol: str) -> list[Instrument]:
        """The instruments of an exchange, each by the one name that a protocol uses."""
        usable = [
            instrument
            for instrument in self._known[exchange].values()
            if instrument.only in ("", protocol)
        ]
        own = {instrument.symbol for instrument in usable if instrument.only}
        return [each for each in usable if each.only or each.symbol not in own]

    def chosen(self, exchange: Exchange, protocol: str, names: Iterable[str]) -> list[Instrument]:
        """The instruments of these names, native or canonical; all of the exchange if none.

        Raises:
            InvalidInput: A name is not known.
        """
        usable = self.of(exchange, protocol)
        by_name = {each.symbol: each for each in usable} | {each.native: each for each in usable}
        chosen = [by_name.get(name) or _unknown(name, exchange) for name in names]
        return list(dict.fromkeys(chosen)) or usable


class InstrumentFile:
    """Instruments that follow their file.

    Args:
        path: The file; those of the package if None, which never change.

    Attributes:
        instruments: As the file said when it could be read last.
        failure: Why it cannot be used as it is now; empty if it can.

    Raises:
        InvalidInput: It cannot be read at the beginning.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.failure = ""
        self.instruments = Instruments.default() if path is None else self._read(path)

    def follow(self) -> bool:
        """Look whether the file changed; answers whether there are new instruments.

        While it cannot be used the old ones stay, which is logged and told by :attr:`failure`.
        """
        if self._path is None:
            return False
        try:
            if _stamp(self._path) == self._stamp:
                return False
            self.instruments = self._read(self._path)
        except InvalidInput as error:
            self._complain(str(error))
            return False
        self.failure = ""
        return True

    def _read(self, path: Path) -> Instruments:
        # The stamp first: what is written in between is read again.
        self._stamp = _stamp(path)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(str(path), str(error)) from error
        return Instruments.parse(text, str(path))

    def _complain(self, failure: str) -> None:
        if failure != self.failure:
            structlog.get_logger().warning("instruments not taken over", reason=failure)
        self.failure = failure


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _unusable(str(path), str(error)) from error
    return status.st_mtime_ns, status.st_ino


def _entries(exchange: str, entries: object, name: str) -> Iterable[tuple[str, Any]]:
    if exchange not in EXCHANGES:
        raise _unusable(name, f"no such exchange: {exchange!a}")
    if not isinstance(entries, Mapping):
        raise _unusable(name, f"{exchange} is no table")
    return entries.items()


def _instrument(exchange: str, native: str, entry: object, name: str) -> Instrument:
    if not isinstance(entry, Mapping):
        raise _unusable(name, f"{exchange}.{native!a} is no table")
    try:
        made = msgspec.convert({**entry, "exchange": exchange, "native": native}, _Strict)
    except msgspec.ValidationError as error:
        raise _unusable(name, f"{exchange}.{native!a}: {error}") from error
    return Instrument(*msgspec.structs.astuple(made))


class _Strict(Instrument, frozen=True, forbid_unknown_fields=True):
    """An entry as it is checked when it is read."""

    def __post_init__(self) -> None:
        for currency in (self.base, self.quote):
            if not currency or "/" in currency:
                raise ValueError(f"no currency: {shown(currency)}")
        for scale in (self.price_scale, self.size_scale):
            if not 0 <= scale <= SCALE:
                raise ValueError(f"a scale must be between 0 and {SCALE}, got {scale}")


def _unknown(name: str, exchange: str) -> Instrument:
    raise InvalidInput(
        f"no instrument {shown(name)} of {exchange}",
        remedy="give a name of the file of instruments, or add it there",
    )


def _unusable(name: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"cannot use {name} as instruments: {reason}",
        remedy="see kato.market.instruments for what such a file looks like",
    )
