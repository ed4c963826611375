"""The journal: what the ledger decided and ClickHouse has not got yet.

An entry is written by the script that makes the change. It is read by the writer, which carries it
to ClickHouse in batches, and by every prediction, which must see what was just learned.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.errors import StoreTooNew
from kato.model.emotive import Emotives, Metadata
from kato.storage.ledger.connection import FORMAT, Connection

IntArray = npt.NDArray[np.int64]


class State(msgspec.Struct, frozen=True):
    """What a pattern carries beside its events.

    Attributes:
        emotives: Newest records, oldest first.
        metadata: By key, the distinct values, sorted.
        felt: By emotive, the pattern's share of its symbols' affinity sums.
    """

    emotives: list[Emotives] = []
    metadata: Metadata = {}
    felt: Emotives = {}


class Sequences(msgspec.Struct, frozen=True):
    """New patterns of a batch, ids ascending; symbols and event ends as in Candidates.

    Attributes:
        ids: int64[k].
        names: uint8[k, 20].
        symbols: uint32[total].
        offsets: int64[k + 1] into ``symbols``.
        event_ends: int32[e].
        event_offsets: int64[k + 1] into ``event_ends``; an empty slice is one symbol an event.
    """

    ids: IntArray
    names: npt.NDArray[np.uint8]
    symbols: npt.NDArray[np.uint32]
    offsets: IntArray
    event_ends: npt.NDArray[np.int32]
    event_offsets: IntArray

    @classmethod
    def none(cls) -> Sequences:
        """No patterns."""
        start = np.zeros(1, np.int64)
        return cls(
            start[:0],
            np.zeros((0, 20), np.uint8),
            np.zeros(0, np.uint32),
            start,
            np.zeros(0, np.int32),
            start,
        )

    @classmethod
    def join(cls, parts: Sequence[Sequences]) -> Sequences:
        """All patterns of the parts, whose ids ascend from part to part."""
        parts = [part for part in parts if len(part.ids)]
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.names for part in parts]),
            np.concatenate([part.symbols for part in parts]),
            _joined([part.offsets for part in parts]),
            np.concatenate([part.event_ends for part in parts]),
            _joined([part.event_offsets for part in parts]),
        )

    def without(self, hidden: set[int]) -> Sequences:
        """All but the patterns with these ids."""
        if not hidden or not len(self.ids):
            return self
        rows = np.flatnonzero(~np.isin(self.ids, np.fromiter(hidden, np.int64, len(hidden))))
        return self.take(rows)

    def take(self, rows: IntArray) -> Sequences:
        """The patterns at these indices, ascending."""
        offsets, symbols = _picked(self.offsets, self.symbols, rows)
        event_offsets, ends = _picked(self.event_offsets, self.event_ends, rows)
        return Sequences(self.ids[rows], self.names[rows], symbols, offsets, ends, event_offsets)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the journal.

    Attributes:
        sequence: Position in the journal; also the version of all states it carries.
        kind: ``learn``, ``edit``, ``inherit``, ``forget``, ``clear`` or ``undo``.
        kb: The knowledge base's number.
        name: The knowledge base's name, where its number is new (learn), given up (clear), or given
            back (undo).
        successor: The number that follows (clear); None if its name is given up too.
        forgotten: Id of the forgotten pattern (forget).
        restored: Id of the pattern that was given back (undo).
        sequences: New patterns (learn), if any.
        frequencies: By pattern id, the frequency after this step.
        texts: By symbol id, the texts of new symbols.
        states: By pattern id, emotives and metadata after this step.
        affinities: By symbol id, the affinity sums after this step.
        inherited: By symbol id, the part of them that came with a move, after this step.
        vectors: By symbol text, the vector behind it.
    """

    sequence: int
    kind: str
    kb: int
    name: str | None = None
    successor: int | None = None
    forgotten: int | None = None
    restored: int | None = None
    sequences: Sequences | None = None
    frequencies: dict[int, int] = {}
    texts: dict[int, str] = {}
    states: dict[int, State] = {}
    affinities: dict[int, Emotives] = {}
    inherited: dict[int, Emotives] = {}
    vectors: dict[str, list[float]] = {}


class Intent(msgspec.Struct, frozen=True):
    """A batch that somebody is carrying to ClickHouse.

    Attributes:
        first: Its first sequence.
        last: Its last sequence.
        token: Under which ClickHouse knows it.
        rows: How many patterns it is about, as its entries say.
    """

    first: int
    last: int
    token: str
    rows: int


class Journal:
    """The journal as the writer sees it: claim, read, done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, rows: int, size: int) -> Intent | None:
        """The intent that stands, or a new one over the next entries.

        None if there are none, or while a backup holds them.

        Args:
            rows: Most patterns in a new batch.
            size: Most bytes in a new batch. One entry is taken however large it is.
        """
        answer = self._connection.run("claim", rows, size, secrets.token_hex(16))
        return Intent(answer[0], answer[1], answer[2].decode(), answer[3]) if answer else None

    def read(self, intent: Intent) -> list[Entry]:
        """The entries of an intent, in order."""
        key = self._connection.key("journal")
        raw = self._connection.command("XRANGE", key, f"{intent.first}-0", f"{intent.last}-0")
        return [decoded(entry) for entry in raw]

    def done(self, intent: Intent) -> None:
        """Say that ClickHouse has the batch, and let go of its entries."""
        self._connection.run("done", intent.token)

    def done_until(self) -> int:
        """The last sequence ClickHouse has."""
        return int(
            self._connection.command("HGET", self._connection.key("journal:state"), "done") or 0
        )

    def last(self) -> int:
        """The last sequence that was given."""
        key = self._connection.key("journal:state")
        return int(self._connection.command("HGET", key, "sequence") or 0)

    def waiting(self) -> int:
        """How many entries ClickHouse has not got."""
        return int(self._connection.command("XLEN", self._connection.key("journal")))

    def waiting_bytes(self) -> int:
        """Their size, as the journal's limit counts it."""
        key = self._connection.key("journal:state")
        written, done = self._connection.command("HMGET", key, "bytes", "done_bytes")
        return int(written or 0) - int(done or 0)


def decoded(raw: tuple[bytes, Any]) -> Entry:
    """An entry as the server answers it, decoded.

    Raises:
        StoreTooNew: A newer release wrote it.
    """
    fields = _fields(raw[1])
    if int(fields[b"format"]) > FORMAT:
        raise StoreTooNew(
            f"the journal holds an entry of format {int(fields[b'format'])}", remedy="upgrade KATO"
        )
    kind = fields[b"kind"].decode()
    sequence = int(raw[0].split(b"-")[0])
    name = fields[b"name"].decode() if b"name" in fields else None
    common: dict[str, Any] = {
        "sequence": sequence,
        "kind": kind,
        "kb": int(fields[b"kb"]),
        "name": name,
    }
    if kind == "learn":
        return _learned(common, fields)
    if kind == "edit":
        return _edited(common, fields)
    pattern = int(fields[b"id"]) if b"id" in fields else None
    return Entry(
        **common,
        successor=int(fields[b"successor"]) if b"successor" in fields else None,
        forgotten=pattern if kind == "forget" else None,
        restored=pattern if kind == "undo" else None,
        affinities=_affinities(fields),
        inherited=_affinities(fields, b"inherited"),
    )


def unpacked_emotives(packed: bytes) -> Emotives:
    """Sums by emotive as a script packed them."""
    return by_text(msgspec.msgpack.decode(packed), float)


def unpacked_records(packed: bytes) -> list[Emotives]:
    """A window of emotive records: a list of JSON texts."""
    return records_of(msgspec.msgpack.decode(packed, type=list[str]))


def unpacked_metadata(packed: bytes) -> Metadata:
    """Metadata values by key."""
    return by_text(msgspec.msgpack.decode(packed), sorted)


def _edited(common: dict[str, Any], fields: Mapping[bytes, bytes]) -> Entry:
    ids = msgspec.msgpack.decode(fields[b"ids"], type=list[int])
    frequencies = msgspec.msgpack.decode(fields[b"frequencies"], type=list[int])
    return Entry(
        **common,
        frequencies=dict(zip(ids, frequencies, strict=True)),
        states=_states(fields),
        affinities=_affinities(fields),
    )


def _learned(common: dict[str, Any], fields: Mapping[bytes, bytes]) -> Entry:
    ids = msgspec.msgpack.decode(fields[b"ids"], type=list[int])
    frequencies = msgspec.msgpack.decode(fields[b"frequencies"], type=list[int])
    numbers, texts = (
        msgspec.msgpack.decode(fields[b"texts"], type=tuple[list[int], list[str]])
        if b"texts" in fields
        else ([], [])
    )
    return Entry(
        **common,
        sequences=_sequences(fields, ids, frequencies) if b"batch" in fields else None,
        frequencies=dict(zip(ids, frequencies, strict=True)),
        texts=dict(zip(numbers, texts, strict=True)),
        states=_states(fields),
        affinities=_affinities(fields),
        vectors=msgspec.msgpack.decode(fields[b"vectors"]) if b"vectors" in fields else {},
    )


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The symbols of patterns as a learn sends them; ``learn.lua`` reads the first two fields.

    Attributes:
        offsets: Where each pattern's symbols begin; one more than there are patterns.
        symbols: Positions in the batch's list of distinct symbols.
        event_offsets: Where each pattern's event ends begin; one more than there are patterns.
        event_ends: Symbols up to each event's end; none where every event has one symbol.
    """

    offsets: list[int]
    symbols: list[int]
    event_offsets: list[int]
    event_ends: list[int]


def _sequences(fields: Mapping[bytes, bytes], ids: list[int], frequencies: list[int]) -> Sequences:
    batch = msgspec.msgpack.decode(fields[b"batch"], type=Batch)
    symbol_ids = np.array(msgspec.msgpack.decode(fields[b"symbols"], type=list[int]), np.uint32)
    symbols = symbol_ids[np.array(batch.symbols, np.int64)]
    # What was learned as often as now is a pattern's first: forgotten ids are never used again.
    times = msgspec.msgpack.decode(fields[b"times"], type=list[int]) if b"times" in fields else 1
    new = np.flatnonzero(np.array(frequencies) == np.array(times))
    offsets, symbols = _picked(np.array(batch.offsets), symbols, new)
    event_offsets, ends = _picked(
        np.array(batch.event_offsets), np.array(batch.event_ends, np.int32), new
    )
    names = np.frombuffer(fields[b"names"], np.uint8).reshape(-1, 20)[new]
    return Sequences(np.array(ids)[new], names, symbols, offsets, ends, event_offsets)


def _joined(offsets: Sequence[IntArray]) -> IntArray:
    """The offsets of what stands side by side."""
    lengths = np.concatenate([np.diff(part) for part in offsets])
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _picked(offsets: IntArray, values: Any, rows: IntArray) -> tuple[IntArray, Any]:
    """The slices of some rows, side by side, and their offsets."""
    if len(rows) == len(offsets) - 1:
        return offsets, values
    lengths = (offsets[1:] - offsets[:-1])[rows]
    picked = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(offsets[rows] - picked[:-1], lengths) + np.arange(picked[-1])
    return picked, values[places]


def _states(fields: Mapping[bytes, bytes]) -> dict[int, State]:
    return {
        pattern: State(records_of(emotives), by_text(metadata, sorted), by_text(felt, float))
        for pattern, (emotives, metadata, felt) in _numbered(fields, b"states")
    }


def _affinities(fields: Mapping[bytes, bytes], name: bytes = b"affinities") -> dict[int, Emotives]:
    return {symbol: by_text(sums, float) for symbol, sums in _numbered(fields, name)}


def _numbered(fields: Mapping[bytes, bytes], name: bytes) -> list[tuple[int, Any]]:
    """Numbers and values, which a script packs as two lists, by ascending number."""
    if name not in fields:
        return []
    numbers, values = msgspec.msgpack.decode(fields[name])
    return sorted(zip(numbers, values, strict=True), key=lambda pair: int(pair[0]))


def records_of(texts: list[str]) -> list[Emotives]:
    """Emotive records, each as JSON, decoded."""
    return [msgspec.json.decode(text, type=dict[str, float]) for text in texts]


def by_text(values: Any, convert: Any) -> dict[str, Any]:
    """A mapping by text, sorted: a script's order of keys and values follows no rule.

    A script packs an empty table as an empty list, and whole numbers as integers.
    """
    return {key: convert(values[key]) for key in sorted(values)} if values else {}


def _fields(raw: Any) -> dict[bytes, bytes]:
    if isinstance(raw, Mapping):
        return dict(raw)
    flat = list(raw)
    return dict(_pairs(flat))


def _pairs(flat: list[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
