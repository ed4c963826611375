"""What was read and checked, on disk until it is taken over.

A pattern stands here once, under its name, however many rows a source has of it; so memory stays
bounded, what comes from two knowledge bases into one is merged, and the order in which patterns are
taken over, by age and name, follows from the content alone. SQLite keeps it: a file that a killed
run leaves behind is thrown away by the next.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from kato.memory import PatternCopy
from kato.memory.editing import MOST_FREQUENT, MOST_RECORDS
from kato.model.emotive import Emotives, Metadata
from kato.model.event import flattened

_TABLES = """
CREATE TABLE pattern (kb TEXT, name TEXT, age INTEGER, bases TEXT, copy BLOB, UNIQUE (kb, name));
CREATE TABLE symbol (kb TEXT, text TEXT, frequency INTEGER, members INTEGER, affinity BLOB,
    PRIMARY KEY (kb, text)) WITHOUT ROWID;
CREATE TABLE vector (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""
_COUNT = """
INSERT INTO symbol VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE
SET frequency = frequency + excluded.frequency, members = members + excluded.members
"""
_COUNTS_AT_ONCE = 50_000
_SYMBOLS_AT_ONCE = 500


class Counted(msgspec.Struct, frozen=True):
    """What the staged patterns of a knowledge base make of a symbol.

    Attributes:
        text: The symbol.
        frequency: How often it was learned, repeats included.
        members: How many patterns hold it.
        affinity: By emotive, the sums that the source has.
    """

    text: str
    frequency: int
    members: int
    affinity: Emotives


class Stage:
    """Patterns by knowledge base, as they will be taken over.

    Args:
        file: A file that is not there yet.
    """

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")
        self._frequencies: Counter[tuple[str, str]] = Counter()
        self._members: Counter[tuple[str, str]] = Counter()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add_vector(self, name: str, vector: list[float]) -> None:
        """Keep the vector of a symbol; the last one given counts."""
        packed = msgspec.msgpack.encode(vector)
        self._db.execute("INSERT OR REPLACE INTO vector VALUES (?, ?)", (name, packed))

    def vector(self, name: str) -> list[float] | None:
        """The vector of a symbol, if it was given."""
        row = self._db.execute("SELECT value FROM vector WHERE name = ?", (name,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=list[float])

    def add(self, kb: str, base: str, age: int, copy: PatternCopy) -> bool:
        """Stage a copy; False, and nothing staged, if its base has brought that pattern before.

        If another base has, the two become one.

        Args:
            kb: The knowledge base it goes to.
            base: The one it comes from.
            age: Its age, as in rows.
            copy: The copy, with its name.
        """
        bases, known = self._staged(kb, copy.name or "")
        if base in bases:
            return False
        self._count(kb, copy, is_new=known is None)
        copy = copy if known is None else merged(known, copy)
        told = msgspec.json.encode([*bases, base]).decode()
        self._db.execute(
            "INSERT INTO pattern VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET bases = excluded.bases, copy = excluded.copy",
            (kb, copy.name, age, told, msgspec.msgpack.encode(copy)),
        )
        return True

    def seal(self) -> None:
        """Make it ready to be read; nothing but affinity is added any more."""
        self._write_counts()
        self._db.execute("CREATE INDEX by_age ON pattern (kb, age, name)")

    def knowledge_bases(self) -> dict[str, int]:
        """How many patterns go to each knowledge base."""
        rows = self._db.execute("SELECT kb, count(*) FROM pattern GROUP BY kb ORDER BY kb")
        return dict(rows.fetchall())

    def copies(self, kb: str) -> Iterator[tuple[PatternCopy, int]]:
        """What goes to a knowledge base, the oldest first, and the bytes of each."""
        for packed in self._packed(kb):
            yield msgspec.msgpack.decode(packed, type=PatternCopy), len(packed)

    def copy(self, kb: str, name: str) -> PatternCopy | None:
        """The pattern of that name that goes to a knowledge base."""
        return self._staged(kb, name)[1]

    def fingerprint(self, kb: str) -> str:
        """What is the same for the same content, and for no other."""
        digest = sha256()
        for packed in self._packed(kb):
            digest.update(len(packed).to_bytes(8) + packed)
        for symbol in self.symbols(kb):
            digest.update(msgspec.msgpack.encode(symbol))
        return digest.hexdigest()

    def symbols(self, kb: str) -> Iterator[Counted]:
        """The symbols of what goes to a knowledge base, sorted."""
        rows = self._db.execute(
            "SELECT text, frequency, members, affinity FROM symbol WHERE kb = ? ORDER BY text",
            (kb,),
        )
        for row in rows:
            yield _counted(row)

    def symbol(self, kb: str, text: str) -> Counted | None:
        """A symbol of what goes to a knowledge base."""
        row = self._db.execute(
            "SELECT text, frequency, members, affinity FROM symbol WHERE kb = ? AND text = ?",
            (kb, text),
        ).fetchone()
        return None if row is None else _counted(row)

    def some_symbols(self, kb: str) -> Iterator[list[Counted]]:
        """All of :meth:`symbols`, some hundred at a time; they may be changed meanwhile."""
        last = ""
        while True:
            rows = self._db.execute(
                "SELECT text, frequency, members, affinity FROM symbol "
                "WHERE kb = ? AND (text > ? OR ? = '') ORDER BY text LIMIT ?",
                (kb, last, last, _SYMBOLS_AT_ONCE),
            ).fetchall()
            if not rows:
                return
            yield [_counted(row) for row in rows]
            last = rows[-1][0]
            if last == "":  # the empty symbol alone
                return

    def add_affinity(self, kb: str, text: str, sums: Emotives) -> None:
        """Add to what a symbol was felt with."""
        known = self.symbol(kb, text)
        packed = msgspec.msgpack.encode(_added(known.affinity if known else {}, sums))
        self._db.execute(
            "UPDATE symbol SET affinity = ? WHERE kb = ? AND text = ?", (packed, kb, text)
        )

    def _staged(self, kb: str, name: str) -> tuple[list[str], PatternCopy | None]:
        """Which bases have brought a pattern, and what it is by now."""
        row = self._db.execute(
            "SELECT bases, copy FROM pattern WHERE kb = ? AND name = ?", (kb, name)
        ).fetchone()
        if row is None:
            return [], None
        bases = msgspec.json.decode(row[0], type=list[str])
        return bases, msgspec.msgpack.decode(row[1], type=PatternCopy)

    def _packed(self, kb: str) -> Iterator[bytes]:
        rows = self._db.execute("SELECT copy FROM pattern WHERE kb = ? ORDER BY age, name", (kb,))
        for (packed,) in rows:
            yield packed

    def _count(self, kb: str, copy: PatternCopy, *, is_new: bool) -> None:
        for text, occurrences in Counter(flattened(copy.events)).items():
            self._frequencies[kb, text] += occurrences * copy.frequency
            self._members[kb, text] += is_new
        if len(self._frequencies) > _COUNTS_AT_ONCE:
            self._write_counts()

    def _write_counts(self) -> None:
        counted = [(*key, times, self._members[key]) for key, times in self._frequencies.items()]
        self._db.executemany(_COUNT, counted)
        self._frequencies.clear()
        self._members.clear()


def merged(one: PatternCopy, other: PatternCopy) -> PatternCopy:
    """What the same pattern of two knowledge bases becomes in one.

    >>> one = PatternCopy([["a"], ["b"]], frequency=2, metadata={"k": ["1"]})
    >>> merged(one, PatternCopy([["a"], ["b"]], metadata={"k": ["0", "1"]})).metadata
    {'k': ['0', '1']}
    """
    metadata: Metadata = {key: list(values) for key, values in one.metadata.items()}
    for key, values in other.metadata.items():
        metadata[key] = sorted({*metadata.get(key, ()), *values})
    return msgspec.structs.replace(
        one,
        frequency=min(one.frequency + other.frequency, MOST_FREQUENT),
        emotives=[*one.emotives, *other.emotives][-MOST_RECORDS:],
        metadata=metadata,
        vectors={**one.vectors, **other.vectors},
    )


def _added(one: Emotives, other: Emotives) -> Emotives:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in sorted({*one, *other})}


def _counted(row: tuple[str, int, int, bytes | None]) -> Counted:
    text, frequency, members, packed = row
    return Counted(text, frequency, members, _sums(packed))


def _sums(packed: bytes | None) -> Emotives:
    return {} if packed is None else msgspec.msgpack.decode(packed, type=dict[str, float])
