"""Count a knowledge base again from its sequences, a range of ids at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.ids import PatternIds
from kato.storage.clickhouse.native import columns_of
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.ledger.journal import Entry, Sequences, State

IntArray = npt.NDArray[np.int64]

IDS_AT_ONCE = 51_200
"""Pattern ids that are read at a time: whole blocks of 64, as the ledger keeps frequencies."""

_FREQUENCIES = """
SELECT id, frequency FROM frequencies FINAL
WHERE kb = {kb:UInt32} AND id >= {first:UInt64} AND id <= {last:UInt64}
"""
_STATES = """
SELECT id, emotives, metadata, felt FROM states FINAL
WHERE kb = {kb:UInt32} AND id >= {first:UInt64} AND id <= {last:UInt64}
"""
_THESE_FREQUENCIES = """
SELECT id, frequency FROM frequencies FINAL WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt64)}
"""
_THESE_STATES = """
SELECT id, emotives, metadata, felt FROM states FINAL
WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt64)}
"""
_LAST = """
SELECT greatest((SELECT max(id) FROM patterns WHERE kb = {kb:UInt32}),
    (SELECT max(id) FROM last_patterns WHERE kb = {kb:UInt32}))
"""
_NAMED = "SELECT kb, name FROM knowledge_bases FINAL WHERE NOT cleared ORDER BY kb"
_TEXTS = """
SELECT id, text FROM symbols
WHERE kb = {kb:UInt32} AND id >= {first:UInt32} AND id <= {last:UInt32} ORDER BY id
"""
_BEHIND = "FROM {table:Identifier} WHERE kb = {kb:UInt32} AND id > {last:UInt64}"
_LAST_SYMBOL = "SELECT max(id) FROM symbols WHERE kb = {kb:UInt32}"
_AFFINITIES = """
SELECT symbol, sums FROM affinities FINAL
WHERE kb = {kb:UInt32} AND symbol >= {first:UInt32} AND symbol <= {last:UInt32}
AND notEmpty(sums) ORDER BY symbol
"""
_NEWEST = " UNION ALL ".join(
    f"SELECT max(version) FROM {table}"  # noqa: S608 - the names are ours
    for table in ("frequencies", "states", "affinities", "vectors", "tombstones", "knowledge_bases")
)


class Block(msgspec.Struct, frozen=True):
    """The patterns of a range of ids, and what they carry.

    Attributes:
        first: The first id of the range.
        last: The last one.
        sequences: The patterns in it that are not forgotten, ids ascending.
        frequencies: int64[k], how often each was learned.
        states: By id, emotives and metadata of those that have any.
    """

    first: int
    last: int
    sequences: Sequences
    frequencies: IntArray
    states: dict[int, State] = {}


class Stored:
    """What ClickHouse holds of knowledge bases, read in ranges.

    Args:
        clickhouse: Where the tables are.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._tables = PatternTables(clickhouse)

    def knowledge_bases(self) -> dict[int, str]:
        """The names of those there are, by ascending number."""
        return dict(self._clickhouse.rows(_NAMED))

    def last_pattern(self, kb: int) -> int:
        """The greatest pattern id that ClickHouse knows to be given, 0 if there is none."""
        return int(self._clickhouse.rows(_LAST, {"kb": kb})[0][0])

    def last_symbol(self, kb: int) -> int:
        """The greatest symbol id, 0 if there is none."""
        return int(self._clickhouse.rows(_LAST_SYMBOL, {"kb": kb})[0][0])

    def blocks(self, kb: int, last: int) -> Iterator[Block]:
        """All patterns with ids up to ``last``, range by range."""
        for first in range(0, last + 1, IDS_AT_ONCE):
            yield self.block(kb, first, min(first + IDS_AT_ONCE - 1, last))

    def block(self, kb: int, first: int, last: int) -> Block:
        """The patterns of a range of ids."""
        found = self.sequences(kb, first, last)
        given = {"kb": kb, "first": first, "last": last}
        return Block(first, last, found, self._frequencies(found, given), self._states(given))

    def sequences(self, kb: int, first: int, last: int) -> Sequences:
        """The patterns of a range of ids that are not forgotten, by themselves."""
        ids = {"first": first, "last": last}
        return self._tables.where(kb, "id >= {first:UInt64} AND id <= {last:UInt64}", ids)

    def these(self, kb: int, ids: list[int]) -> Block:
        """The patterns with these ids, ascending, as far as they are there and not forgotten."""
        found = self._tables.where(kb, "id IN {ids:Array(UInt64)}", {"ids": ids})
        given = {"kb": kb, "ids": ids}
        frequencies = self._frequencies(found, given, _THESE_FREQUENCIES)
        states = self._states(given, _THESE_STATES)
        return Block(min(ids), max(ids), found, frequencies, states)

    def tombstones(self, kb: int) -> list[int]:
        """Ids of the patterns that are hidden, ascending."""
        return sorted(PatternIds(self._clickhouse).forgotten(kb).tolist())

    def texts(self, kb: int, first: int, last: int) -> dict[int, str]:
        """Texts of symbols by id, of a range of ids."""
        return dict(self._clickhouse.rows(_TEXTS, {"kb": kb, "first": first, "last": last}))

    def affinities(self, kb: int, first: int, last: int) -> dict[int, dict[str, float]]:
        """Affinity sums by symbol id, of a range of ids; those without any are left out."""
        return dict(self._clickhouse.rows(_AFFINITIES, {"kb": kb, "first": first, "last": last}))

    def remove_orphans(self, kb: int, last: int) -> None:
        """Remove what a batch that was cut off said of patterns behind the last one.

        Their ids will be given again.
        """
        for table in ("frequencies", "states", "tombstones"):
            given = {"table": table, "kb": kb, "last": last}
            if self._clickhouse.rows(f"SELECT 1 {_BEHIND} LIMIT 1", given):
                self._clickhouse.command(f"DELETE {_BEHIND}", given)

    def keep_affinities(
        self, kb: int, version: int, affinities: dict[int, dict[str, float]]
    ) -> None:
        """Store affinity sums by symbol id, as of a version."""
        entry = Entry(sequence=version, kind="edit", kb=kb, affinities=affinities)
        PatternSink(self._clickhouse).insert([entry], f"affinities {kb} {version}")

    def newest(self) -> int:
        """The newest version of all that ClickHouse holds."""
        return max(int(row[0]) for row in self._clickhouse.rows(_NEWEST))

    def _frequencies(
        self, found: Sequences, given: dict[str, Any], statement: str = _FREQUENCIES
    ) -> IntArray:
        frequencies = np.ones(len(found.ids), np.int64)
        columns = columns_of(self._clickhouse.native(statement, given))
        if columns and len(found.ids):
            ids = columns["id"].values.astype(np.int64)
            places = np.searchsorted(found.ids, ids)
            places[places == len(found.ids)] = 0
            known = found.ids[places] == ids
            frequencies[places[known]] = columns["frequency"].values[known].astype(np.int64)
        return frequencies

    def _states(self, given: dict[str, Any], statement: str = _STATES) -> dict[int, State]:
        rows = self._clickhouse.rows(statement, given)
        return {i: State(list(emotives), metadata, felt) for i, emotives, metadata, felt in rows}


class Recount:
    """Counters of a knowledge base, from sequences.

    Attributes:
        patterns: How many there are.
        frequencies: How often all were learned.
        occurrences: How many symbols were learned with them, repeats included.

    >>> from kato.matching import Candidates
    >>> given = Candidates.of([(1, [[3], [1], [3]])])
    >>> names = np.zeros((1, 20), np.uint8)
    >>> recount = Recount()
    >>> recount.add(
    ...     Sequences(
    ...         given.ids,
    ...         names,
    ...         given.symbols,
    ...         given.offsets,
    ...         given.event_ends,
    ...         given.event_offsets,
    ...     ),
    ...     np.array([2]),
    ... )
    >>> recount.symbol_frequencies(3).tolist(), recount.members(3).tolist(), recount.occurrences
    ([0, 2, 0, 4], [0, 1, 0, 1], 6)
    """

    def __init__(self) -> None:
        self.patterns = 0
        self.frequencies = 0
        self.occurrences = 0
        self._counts = np.zeros((2, 0), np.int64)
        self._felt: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, sequences: Sequences, frequencies: IntArray, sign: int = 1) -> None:
        """Count these patterns in, or out where the sign is -1."""
        lengths = np.diff(sequences.offsets)
        self.patterns += sign * len(sequences.ids)
        self.frequencies += sign * int(frequencies.sum())
        self.occurrences += sign * int((lengths * frequencies).sum())
        if not len(sequences.symbols):
            return
        # Integers below 2**53 are exact in the floats that bincount sums in, range by range.
        learned = np.bincount(sequences.symbols, np.repeat(frequencies, lengths))
        _, distinct = _distinct(sequences)
        self._reach(len(learned))
        self._counts[0, : len(learned)] += sign * learned.astype(np.int64)
        self._counts[1, : len(learned)] += sign * np.bincount(distinct, minlength=len(learned))

    def add_felt(self, sequences: Sequences, states: Mapping[int, State]) -> None:
        """Add these patterns' shares to the affinity sums of their symbols."""
        felt = {i: state.felt for i, state in states.items() if state.felt}
        rows = np.flatnonzero(np.isin(sequences.ids, np.fromiter(felt, np.int64, len(felt))))
        if not len(rows):
            return
        some = sequences.take(rows)
        owners, symbols = _distinct(some)
        shares = [felt[i] for i in some.ids.tolist()]
        for emotive in sorted({emotive for share in shares for emotive in share}):
            values = np.array([share.get(emotive, 0.0) for share in shares])[owners]
            size = int(symbols.max()) + 1
            sums = np.array([np.bincount(symbols, v, size) for v in (values, np.abs(values))])
            before = self._felt.get(emotive, np.zeros((2, 0)))
            size = max(size, before.shape[1])
            self._felt[emotive] = _reaching(before, size) + _reaching(sums, size)

    def affinity_of(self, symbol: int) -> dict[str, tuple[float, float]]:
        """By emotive, the sum of a symbol's shares, and the sum of their amounts."""
        return {
            emotive: (float(sums[0, symbol]), float(sums[1, symbol]))
            for emotive, sums in self._felt.items()
            if symbol < sums.shape[1] and sums[1, symbol]
        }

    def weighed(self, first: int, last: int) -> set[int]:
        """Those of a range of symbols that have shares of affinity."""
        found: set[int] = set()
        for sums in self._felt.values():
            found.update((np.flatnonzero(sums[1, first : last + 1]) + first).tolist())
        return found

    def is_affinity(self, symbol: int, sums: Mapping[str, float]) -> bool:
        """Whether these are a symbol's affinity sums; they may err, as floats do, by 1e-9.

        What was added and taken away again leaves an error of its own: sums below 1 may err by 1e-9
        of 1.
        """
        found = self.affinity_of(symbol)
        return all(
            abs(sums.get(emotive, 0.0) - total) <= 1e-9 * max(1.0, amount)
            for emotive in {*sums, *found}
            for total, amount in [found.get(emotive, (0.0, 0.0))]
        )

    def add_all(self, other: Recount) -> None:
        """Count in what another one counted."""
        self.patterns += other.patterns
        self.frequencies += other.frequencies
        self.occurrences += other.occurrences
        size = other._counts.shape[1]
        self._reach(size)
        self._counts[:, :size] += other._counts

    @property
    def symbols(self) -> int:
        """How many symbols stand in a pattern."""
        return int(np.count_nonzero(self._counts[1]))

    def symbol_frequencies(self, last: int) -> IntArray:
        """int64[last + 1], by symbol id how often it was learned."""
        self._reach(last + 1)
        return self._counts[0, : last + 1]

    def members(self, last: int) -> IntArray:
        """int64[last + 1], by symbol id how many patterns it stands in."""
        self._reach(last + 1)
        return self._counts[1, : last + 1]

    def _reach(self, size: int) -> None:
        if size > self._counts.shape[1]:
            self._counts = _reaching(self._counts, size * 5 // 4)


def _reaching(counts: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The same with zeros behind, so many columns all together."""
    return np.pad(counts, ((0, 0), (0, size - counts.shape[1])))


def _distinct(sequences: Sequences) -> tuple[IntArray, IntArray]:
    """Each pattern's distinct symbols: the pattern's place, and the symbol's id."""
    lengths = np.diff(sequences.offsets)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs = np.unique(rows << 32 | sequences.symbols)
    return pairs >> 32, pairs & 0xFFFFFFFF
