"""From records of the log to one block of rows: columns, not objects.

A batch is read twice if a process dies in between, and must be the very same block then. So a row
depends on nothing but its record, the instruments, and the bit that says whether it is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kato.errors import KatoError
from kato.market.layers.numbers import (
    Column,
    Numbers,
    Problems,
    check_products,
    decimals,
    numbers_of,
)
from kato.market.log.records import Record, raw_topic
from kato.market.trade import EXCHANGES, Side, Trade

LATEST = 4_102_444_800 * 10**9
"""2100, ns since 1970: a time from then on is no valid one, nor is one before 1970."""

_EXCHANGE_OF = {raw_topic(exchange): exchange for exchange in EXCHANGES}
_TIME = pa.timestamp("ns", "UTC")
_MAP = pa.map_(pa.string(), pa.string())

Bits = npt.NDArray[np.bool_]


class Reading(Protocol):
    """Knows what records mean."""

    def trades(self, exchange: str, record: Record) -> Sequence[Trade]:
        """The trades of the record's key, in its order.

        Raises:
            KatoError: It cannot be read.
        """

    def symbol(self, exchange: str, native: str) -> str | None:
        """The canonical symbol of an instrument; None if there is no such instrument."""

    def is_consecutive(self, exchange: str) -> bool:
        """Whether the exchange numbers the trades of a symbol without holes."""

    def follow(self) -> None:
        """Take note of what changed; called once in a while, between batches."""


class Unreadable(msgspec.Struct, frozen=True):
    """A record that cannot be read, and why."""

    record: Record
    reason: str


class Batch(msgspec.Struct, frozen=True, eq=False):
    """The trades of some records, in their order.

    Attributes:
        instruments: Distinct exchanges and native symbols.
        symbols: The canonical symbol of each instrument; empty if there is none.
        consecutive: Whether each instrument's trades are numbered without holes.
        instrument: int32[k], which one each trade is of.
        ids: What the exchange calls each trade.
        numbers: int64[k], the ids where they are numbers, else -1.
        sequences: uint64[k].
        times: int64[k], ns since 1970; 0 where the exchange's time is no valid one.
        connections: By which each came.
        columns: All other columns of the landing table by name.
        unreadable: Records that hold none.
        received: When the oldest was received, ns since 1970; 0 if none is.
        invalid: How many trades are not valid.
    """

    instruments: list[tuple[str, str]]
    symbols: list[str]
    consecutive: list[bool]
    instrument: npt.NDArray[np.int32]
    ids: list[str]
    numbers: Numbers
    sequences: npt.NDArray[np.uint64]
    times: Numbers
    connections: Column
    columns: dict[str, Any]
    unreadable: list[Unreadable]
    received: int
    invalid: int

    def __len__(self) -> int:
        return len(self.ids)

    def usable(self) -> Bits:
        """Which trades can go to silver: those of a known instrument that have an id."""
        known = np.array([symbol != "" for symbol in self.symbols], np.bool_)
        usable: Bits = known[self.instrument]
        if "" in self.ids:
            usable &= np.array([text != "" for text in self.ids])
        return usable

    def block(self, new: Bits) -> pa.Table:
        """The rows as the landing table takes them.

        Args:
            new: bool[k], which trades go to silver.
        """
        trades = pa.table({**self.columns, "is_new": new.astype(np.uint8), **self._unusable()})
        if not self.unreadable:
            return trades
        return pa.concat_tables([_plain(trades), _unreadable_rows(self.unreadable, trades.schema)])

    def _unusable(self) -> dict[str, Any]:
        usable = self.usable()
        if usable.all():
            return {"unreadable": _repeated("", len(self))}
        natives = [self.instruments[number][1] for number in self.instrument]
        reasons = [
            "" if good else "a trade without an id" if not text else f"no instrument {native!a}"
            for good, text, native in zip(usable, self.ids, natives, strict=True)
        ]
        return {"unreadable": pa.array(reasons, pa.string())}


def read(records: Sequence[Record], reading: Reading) -> Batch:
    """The trades of some records."""
    trades, counts, unreadable = _read(records, reading)
    places = np.repeat(np.arange(len(records)), counts)
    ordinals = np.arange(len(trades)) - np.repeat(np.cumsum(counts) - counts, counts)
    received = np.array([_received(record) for record in records], np.int64)
    instruments, instrument = _instruments(records)
    symbols = [reading.symbol(*one) or "" for one in instruments]
    problems: Problems = {}
    price_text, price = decimals("price", [trade.price for trade in trades], problems)
    size_text, size = decimals("size", [trade.size for trade in trades], problems)
    check_products(price, size, problems)
    times = _times([trade.time for trade in trades], problems)
    instrument = instrument[places]
    ids = [trade.id for trade in trades]
    numbers = numbers_of(ids)
    sequences = _sequences([trade.sequence for trade in trades], problems)
    connections = _spread([_text(record.headers.get("connection")) for record in records], places)
    columns = {
        "exchange": _taken([exchange for exchange, _ in instruments], instrument),
        "native": _taken([native for _, native in instruments], instrument),
        "symbol": _taken(symbols, instrument),
        "trade_id": pa.array(ids, pa.string()),
        "number": pa.array(numbers),
        "sequence": pa.array(sequences),
        "time": pa.array(times).cast(_TIME),
        "price_text": price_text,
        "size_text": size_text,
        "price": price,
        "size": size,
        "side": pa.array(np.array([trade.side for trade in trades], np.int8)),
        "errors": _errors(problems, len(trades)),
        "vendor": _vendors([trade.vendor for trade in trades]),
        "received": pa.array(received[places]).cast(_TIME),
        "connection": connections,
        "topic": _spread([record.topic for record in records], places),
        "partition": pa.array(_of(records, "partition", np.uint32)[places]),
        "offset": pa.array(_of(records, "offset", np.uint64)[places]),
        "ordinal": pa.array(ordinals.astype(np.uint32)),
        "payload": _payloads(records, places, ordinals),
        "is_trade": pa.array(np.ones(len(trades), np.uint8)),
    }
    oldest = int(received[received > 0].min()) if (received > 0).any() else 0
    return Batch(
        instruments,
        symbols,
        [reading.is_consecutive(exchange) for exchange, _ in instruments],
        instrument,
        ids,
        numbers,
        sequences,
        times,
        connections,
        columns,
        unreadable,
        oldest,
        len(problems),
    )


def exchange_of(record: Record) -> str:
    """The exchange whose raw topic the record is in; empty if it is in none.

    >>> exchange_of(Record("market.crypto.trades.kraken.raw", 0, 7, "BTC/USD", b"", {}))
    'kraken'
    """
    return _EXCHANGE_OF.get(record.topic, "")


def _read(
    records: Sequence[Record], reading: Reading
) -> tuple[list[Trade], Numbers, list[Unreadable]]:
    trades: list[Trade] = []
    unreadable: list[Unreadable] = []
    counts = np.zeros(len(records), np.int64)
    for place, record in enumerate(records):
        try:
            found = reading.trades(exchange_of(record), record)
        except KatoError as error:
            unreadable.append(Unreadable(record, str(error)))
            continue
        trades.extend(found)
        counts[place] = len(found)
    return trades, counts, unreadable


def _instruments(
    records: Sequence[Record],
) -> tuple[list[tuple[str, str]], npt.NDArray[np.int32]]:
    """The distinct instruments of records, and which one each is about."""
    numbers: dict[tuple[str, str], int] = {}
    keys = ((record.topic, record.key) for record in records)
    instrument = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int32)
    return [(_EXCHANGE_OF.get(topic, ""), key) for topic, key in numbers], instrument


def _of(records: Sequence[Record], name: str, dtype: Any) -> npt.NDArray[Any]:
    return np.array([getattr(record, name) for record in records], dtype)


def _received(record: Record) -> int:
    """When it was received; 0 where that is not said, or cannot be."""
    text = record.headers.get("received", b"")
    if not text.isdigit() or len(text) > 19:
        return 0
    time = int(text)
    return time if time < LATEST else 0


def _sequences(sequences: Sequence[int], problems: Problems) -> npt.NDArray[np.uint64]:
    if sequences and min(sequences) >= 0 and max(sequences) < 1 << 63:
        return np.array(sequences, np.uint64)
    good = [0 <= sequence < 1 << 63 for sequence in sequences]
    for row in np.flatnonzero(~np.array(good, np.bool_)).tolist():
        problems.setdefault(row, []).append("sequence is not between 0 and 2**63")
    return np.array(
        [one if fits else 0 for one, fits in zip(sequences, good, strict=True)], np.uint64
    )


def _times(times: Sequence[int], problems: Problems) -> Numbers:
    if times and min(times) > 0 and max(times) < LATEST:
        return np.array(times, np.int64)
    for row, time in enumerate(times):
        if not 0 < time < LATEST:
            problems.setdefault(row, []).append("time is not between 1970 and 2100")
    return np.array([time if 0 < time < LATEST else 0 for time in times], np.int64)


def _errors(problems: Problems, rows: int) -> Column:
    offsets = np.zeros(rows + 1, np.int32)
    for row, found in problems.items():
        offsets[row + 1] = len(found)
    texts = list(chain.from_iterable(problems[row] for row in sorted(problems)))
    begins = pa.array(np.cumsum(offsets, dtype=np.int32), pa.int32())
    return pa.ListArray.from_arrays(begins, pa.array(texts, pa.string()))


def _vendors(vendors: Sequence[dict[str, str]]) -> Column:
    offsets = np.zeros(len(vendors) + 1, np.int32)
    np.cumsum([len(vendor) for vendor in vendors], out=offsets[1:])
    names = pa.array([name for vendor in vendors for name in vendor], pa.string())
    values = pa.array([text for vendor in vendors for text in vendor.values()], pa.string())
    begins: Column = pa.array(offsets, pa.int32())
    return pa.MapArray.from_arrays(begins, names, values)


def _payloads(records: Sequence[Record], places: Numbers, ordinals: Numbers) -> Column:
    """What was received, at the first trade of each record."""
    if len(places) == len(records) and not ordinals.any():
        return pa.array([record.value for record in records], pa.binary())
    values = [
        b"" if ordinal else records[place].value
        for place, ordinal in zip(places.tolist(), ordinals.tolist(), strict=True)
    ]
    return pa.array(values, pa.binary())


def _text(header: bytes | None) -> str:
    return header.decode(errors="backslashreplace") if header else ""


def _spread(texts: Iterable[str], places: Numbers) -> Column:
    """A text of each record, at each of its trades; few are distinct."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)
    return _taken(list(numbers), codes[places])


def _taken(texts: list[str], codes: npt.NDArray[np.int32]) -> Column:
    distinct: dict[str, int] = {}
    places = np.array([distinct.setdefault(text, len(distinct)) for text in texts], np.int32)
    words = pa.array(list(distinct), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places[codes], pa.int32()), words)


def _repeated(text: str, rows: int) -> Column:
    return _taken([text], np.zeros(rows, np.int32))


def _plain(rows: pa.Table) -> pa.Table:
    """Without dictionaries, so that other rows can stand below."""
    return rows.cast(pa.schema([(field.name, _plain_type(field)) for field in rows.schema]))


def _plain_type(field: pa.Field[Any]) -> Any:
    return pa.string() if pa.types.is_dictionary(field.type) else field.type


def _unreadable_rows(unreadable: Sequence[Unreadable], schema: pa.Schema) -> pa.Table:
    fill: dict[str, Callable[[Unreadable], Any]] = {
        "exchange": lambda one: exchange_of(one.record),
        "native": lambda one: one.record.key,
        "received": lambda one: _received(one.record),
        "connection": lambda one: _text(one.record.headers.get("connection")),
        "topic": lambda one: one.record.topic,
        "partition": lambda one: one.record.partition,
        "offset": lambda one: one.record.offset,
        "payload": lambda one: one.record.value,
        "unreadable": lambda one: one.reason,
        "side": lambda _: Side.UNKNOWN,
        "errors": lambda _: [],
        "vendor": lambda _: [],
    }
    empty: Callable[[Unreadable], Any] = lambda _: ""  # noqa: E731 - one word of a table
    zero: Callable[[Unreadable], Any] = lambda _: 0  # noqa: E731
    columns = {}
    for field in schema:
        kind = _plain_type(field)
        value = fill.get(field.name, empty if kind == pa.string() else zero)
        columns[field.name] = pa.array([value(one) for one in unreadable], kind)
    return pa.table(columns)
