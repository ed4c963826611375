"""``kato verify``: recount everything from the sequences, and say what differs.

The ledger of a knowledge base is compared while the journal is held: learning and predicting go on,
only nothing is carried to ClickHouse. Names, and what recall derives, are compared without holding
anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import msgspec

from kato.errors import KnowledgeBaseNotFound
from kato.memory import Memory
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.audit import Audit, Gone, held
from kato.upkeep.checks.bands import band_differences
from kato.upkeep.checks.candles import layer_differences
from kato.upkeep.checks.journal import journal_differences
from kato.upkeep.checks.ledger import LedgerCheck
from kato.upkeep.checks.patterns import pattern_differences, vector_differences
from kato.upkeep.checks.postings import posting_differences
from kato.upkeep.checks.segments import segment_differences
from kato.upkeep.difference import Difference, Found
from kato.upkeep.stored import Stored

Progress = Callable[[str, int], None]
"""Told what is looked at, and how many patterns more were."""


def verify(
    memory: Memory,
    *,
    kb: str | None = None,
    repair: bool = False,
    progress: Progress = lambda _what, _patterns: None,
) -> Iterator[Difference]:
    """Compare all that is stored with a recount, and answer each difference as it is found.

    Others may go on learning and forgetting. Memory is bounded by the symbols of a knowledge base,
    whatever the number of its patterns.

    Args:
        memory: What is verified.
        kb: Only the knowledge base of this name, and what belongs to none of them; all by default.
        repair: Set right what follows from something else: the ledger from ClickHouse, and the
            tables and files of recall from the patterns.
        progress: Told how far it is.

    Raises:
        KnowledgeBaseNotFound: There is none of that name.
        Conflict: Somebody else verifies, or the journal was not held in time.
        StoreUnavailable: A store does not answer.

    >>> import kato, tempfile
    >>> with kato.open(tempfile.mkdtemp()) as memory:
    ...     _ = memory.knowledge_base("demo").learn([["a"], ["b"]])
    ...     list(verify(memory))
    []
    """
    with closing(memory.clickhouse()) as clickhouse:
        yield from _settled(journal_differences(memory.ledger()), repair)
        memory.flush()
        for number, name in _asked(memory, kb).items():
            with suppress(Gone):  # cleared meanwhile: there is nothing left to compare
                yield from _KnowledgeBase(memory, clickhouse, number, name, progress).settled(
                    repair
                )
        progress("market layers", 0)
        yield from _settled(layer_differences(clickhouse), repair)


def _asked(memory: Memory, kb: str | None) -> dict[int, str]:
    """Numbers and names of the knowledge bases to look at, as the ledger says them."""
    names = memory.numbers()
    if kb is not None and kb not in names:
        raise KnowledgeBaseNotFound(
            f"no knowledge base {kb[:60]!a}", remedy="kato stats lists those there are"
        )
    return {number: name for name, number in names.items() if kb in (None, name)}


class _KnowledgeBase:
    """Looks at one knowledge base after the other kinds of what is stored."""

    def __init__(
        self, memory: Memory, clickhouse: ClickHouse, kb: int, name: str, progress: Progress
    ) -> None:
        self._memory = memory
        self._clickhouse = clickhouse
        self._kb = kb
        self._name = name
        self._progress = progress

    def settled(self, repair: bool) -> Iterator[Difference]:
        audit = Audit(self._memory.ledger(), self._name, self._kb)
        yield from _settled(self._held(audit), repair, audit)
        yield from _settled(self._derived(), repair, audit)

    def _held(self, audit: Audit) -> Iterator[Found]:
        """The ledger, while ClickHouse stands still."""
        stored = Stored(self._clickhouse)
        with held(self._memory.ledger(), self._memory.flush) as journal:
            yield from LedgerCheck(
                audit, stored, journal, lambda patterns: self._progress("ledger", patterns)
            ).differences()

    def _derived(self) -> Iterator[Found]:
        clickhouse, kb, name = self._clickhouse, self._kb, self._name
        stored = Stored(clickhouse)
        yield from pattern_differences(
            stored, kb, name, lambda patterns: self._progress("patterns", patterns)
        )
        yield from vector_differences(clickhouse, kb, name)
        self._progress("recall", 0)
        yield from band_differences(clickhouse, kb, name)
        yield from posting_differences(clickhouse, kb, name)
        yield from segment_differences(stored, self._memory.recall_index(), kb, name)


def _settled(
    found: Iterator[Found], repair: bool, audit: Audit | None = None
) -> Iterator[Difference]:
    """Differences, mended as far as they can be if that is asked for."""
    for each in found:
        mended = _mended(each, audit) if repair else None
        yield msgspec.structs.replace(each.difference, mended=mended)


def _mended(found: Found, audit: Audit | None) -> bool:
    if found.mend is not None:
        found.mend()
        return True
    if audit is None or not found.fixes:
        return False
    return audit.mend(found.fixes) == len(found.fixes)
