"""``kato rebuild ledger``: the ledger from ClickHouse, where the ledger's files are gone.

What was learned and had not reached ClickHouse is lost with the ledger, and so are sessions,
answers kept for repeats, notes, and what could be undone. Everything else comes back as it was:
numbers, ids, counters, states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from kato.errors import StoreUnreadable
from kato.memory.stores import Stores
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.migrations import migrate
from kato.storage.clickhouse.versions import newest_version
from kato.storage.ledger.connection import Connection, packed
from kato.storage.ledger.rebuilding import (
    DONE,
    FILL,
    Fields,
    LedgerRebuild,
    Restored,
    packed_counts,
    state_fields,
)
from kato.upkeep.recount import Recount
from kato.upkeep.stored import Block, Stored

PATTERNS_AT_ONCE = 2_000
"""Patterns that are put back in one step of the ledger: a few milliseconds."""

SYMBOLS_AT_ONCE = 20_000
"""Symbols that are put back in one step."""

UNSEEN = 1 << 32
"""Steps of the journal that may have left no version behind; it goes on so far above the newest."""

_NUMBERS = "SELECT count(), max(kb) FROM knowledge_bases"
_PATTERNS = "SELECT count() FROM patterns"

Progress = Callable[[int, int], None]
"""Told how many patterns are put back, and of how many."""


class Rebuilt(msgspec.Struct, frozen=True):
    """What was put back.

    Attributes:
        knowledge_bases: How many.
        patterns: How many, all together.
    """

    knowledge_bases: int
    patterns: int


def rebuild_ledger(
    settings: Settings | None = None,
    path: Path | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Rebuilt:
    """Make an empty ledger again from what ClickHouse holds.

    A call that is cut off is made again: it goes on with the knowledge base it was at. Until it is
    done, changes are refused by every process that uses the ledger, and so is reading a knowledge
    base that is not whole yet.

    Args:
        settings: Where the stores are; the environment's by default.
        path: Data directory of embedded stores, in place of those of the settings.
        progress: Told how far it is.

    Raises:
        StoreUnreadable: The ledger is not empty, or ClickHouse is.
        StoreInUse: Another process owns the data directory.
        Conflict: Another process rebuilds it.
    """
    with Stores(settings or Settings.from_environment(), path) as stores:
        stores.check_whole()
        migrate(stores.clickhouse)
        is_embedded = stores.settings.redis_url is None
        return restore(stores.clickhouse, stores.connection, progress, alone=is_embedded)


def restore(
    clickhouse: ClickHouse,
    connection: Connection,
    progress: Progress = lambda _done, _total: None,
    *,
    alone: bool = False,
) -> Rebuilt:
    """As :func:`rebuild_ledger`, of stores that run; ``alone`` if no other process can use them."""
    ledger, store = LedgerRebuild(connection), _store_in(clickhouse)
    so_far = ledger.begin(alone=alone)
    tally = _Tally(clickhouse, progress)
    for kb, name in Stored(clickhouse).knowledge_bases().items():
        tally.knowledge_bases += 1
        if so_far.get(kb) != DONE:
            _KnowledgeBase(clickhouse, ledger, kb, so_far.get(kb, 0)).restore(name, tally)
    last_kb = clickhouse.rows(_NUMBERS)[0][1]
    ledger.end(store, last_kb, newest_version(clickhouse) + UNSEEN)
    return Rebuilt(tally.knowledge_bases, tally.patterns)


class _Tally:
    """What is put back so far."""

    def __init__(self, clickhouse: ClickHouse, progress: Progress) -> None:
        self.knowledge_bases = 0
        self.patterns = 0
        self._total = int(clickhouse.rows(_PATTERNS)[0][0])
        self._progress = progress

    def add(self, patterns: int) -> None:
        """So many more are put back."""
        self.patterns += patterns
        self._progress(self.patterns, self._total)


class _KnowledgeBase:
    """Puts one knowledge base back.

    Args:
        clickhouse: Where it comes from.
        ledger: Where it goes.
        kb: Its number.
        so_far: Patterns up to this id are there already.
    """

    def __init__(self, clickhouse: ClickHouse, ledger: LedgerRebuild, kb: int, so_far: int) -> None:
        self._clickhouse = clickhouse
        self._stored = Stored(clickhouse)
        self._ledger = ledger
        self._kb = kb
        self._so_far = so_far
        self._recount = Recount()

    def restore(self, name: str, tally: _Tally) -> None:
        """Put it back, its name last: before that nobody reads it."""
        stored, kb = self._stored, self._kb
        last, last_symbol = stored.last_pattern(kb), stored.last_symbol(kb)
        stored.remove_orphans(kb, last)
        self._buckets = max(1, -(-last // FILL))
        for block in stored.blocks(kb, last):
            self._patterns(block)
            tally.add(len(block.sequences.ids))
        self._so_far = last
        for first, behind in _ranges(last_symbol, SYMBOLS_AT_ONCE):
            self._symbols(first + 1, behind)
        totals: Fields = [
            *("patterns", self._recount.patterns, "frequencies", self._recount.frequencies),
            *("symbols", self._recount.symbols, "occurrences", self._recount.occurrences),
            *("next_pattern", last, "next_symbol", last_symbol, "buckets", self._buckets),
            *("forgotten", last - self._recount.patterns),
        ]
        self._step(DONE, {f":{kb}": totals, ":names": [name, kb]})

    def _patterns(self, block: Block) -> None:
        found = block.sequences
        self._recount.add(found, block.frequencies)
        self._recount.add_felt(found, block.states)
        if block.last <= self._so_far:
            return
        names = found.names.tobytes()
        for first, last in _ranges(len(found.ids), PATTERNS_AT_ONCE):
            ids = found.ids[first:last].tolist()
            states = {i: block.states[i] for i in ids if i in block.states}
            self._ledger.step(
                Restored(
                    self._kb,
                    self._buckets,
                    ids[-1] if last < len(found.ids) else block.last,
                    names[20 * first : 20 * last],
                    ids,
                    block.frequencies[first:last].tolist(),
                    {f":{self._kb}:{part}": f for part, f in state_fields(states).items()},
                )
            )

    def _symbols(self, first: int, last: int) -> None:
        """Texts, counts and affinity sums of a range of symbols."""
        texts = self._stored.texts(self._kb, first, last)
        members = self._recount.members(last)[first:]
        counted = np.flatnonzero(members)
        frequencies = self._recount.symbol_frequencies(last)[first:][counted]
        counts = zip(
            (counted + first).tolist(), packed_counts(frequencies, members[counted]), strict=True
        )
        inherited = self._stored.inherited(self._kb, first, last)
        self._recount.add_inherited(inherited)
        sums = self._affinities(first, last)
        self._step(
            self._so_far,
            {
                f":{self._kb}:symbol": [part for i, text in texts.items() for part in (text, i)],
                f":{self._kb}:count": [part for pair in counts for part in pair],
                f":{self._kb}:affinity": _packed_sums(sums),
                f":{self._kb}:inherited": _packed_sums(inherited),
            },
        )

    def _affinities(self, first: int, last: int) -> dict[int, dict[str, float]]:
        """Affinity sums of a range of symbols, as stored: sums of floats depend on their order.

        Where a batch was cut off, ClickHouse may have the sums and not the pattern; then they are
        summed again.
        """
        stored, recount = self._stored.affinities(self._kb, first, last), self._recount
        wrong = {
            symbol: {emotive: total for emotive, (total, _) in recount.affinity_of(symbol).items()}
            for symbol in sorted({*stored, *recount.weighed(first, last)})
            if not recount.is_affinity(symbol, stored.get(symbol, {}))
        }
        if wrong:
            self._stored.keep_affinities(self._kb, newest_version(self._clickhouse) + 1, wrong)
        return {symbol: sums for symbol, sums in {**stored, **wrong}.items() if sums}

    def _step(self, until: int, hashes: dict[str, Fields]) -> None:
        self._ledger.step(Restored(self._kb, self._buckets, until, hashes=hashes))


def _packed_sums(sums: dict[int, dict[str, float]]) -> Fields:
    return [part for symbol, by_emotive in sums.items() for part in (symbol, packed(by_emotive))]


def _ranges(count: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, size):
        yield first, min(first + size, count)


def _store_in(clickhouse: ClickHouse) -> str:
    """The id that both stores carry."""
    rows = clickhouse.rows("SELECT id FROM store LIMIT 1")
    if not rows or not clickhouse.rows(_NUMBERS)[0][0]:
        raise StoreUnreadable(
            "ClickHouse holds no knowledge base: there is nothing to rebuild the ledger from",
            remedy="open the memory as it is, or restore both stores from one backup",
        )
    store: str = rows[0][0]
    return store
