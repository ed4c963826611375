"""The ledger of a knowledge base against the sequences, frequencies and states of ClickHouse.

The journal is held, so that ClickHouse stands still; what is learned meanwhile is taken from the
journal, up to the entry that an answer of the ledger counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kato.errors import shown
from kato.storage.ledger.audit import Audit, Fix, HeldJournal, HeldPatterns
from kato.storage.ledger.journal import State
from kato.storage.ledger.rebuilding import packed_state
from kato.upkeep.checks.symbols import symbol_differences
from kato.upkeep.difference import Difference, Found
from kato.upkeep.recount import IntArray, Recount
from kato.upkeep.stored import Block, Stored
from kato.upkeep.waiting import Counted, Waiting, carriers, counted

PARTS = ("emotives", "metadata", "felt")
NO_BLOCKS = (1, 0)


class LedgerCheck:
    """Compares one knowledge base.

    Args:
        audit: Asks the ledger.
        stored: What ClickHouse holds.
        journal: It is held.
        progress: Told after each range how many patterns were looked at.
    """

    def __init__(
        self,
        audit: Audit,
        stored: Stored,
        journal: HeldJournal,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.audit = audit
        self.stored = stored
        self.journal = journal
        self.kb = audit.kb
        self.waiting = Waiting(journal, audit.kb)
        self.recount = Recount()
        self._carrying = dict.fromkeys(PARTS, 0)
        self._progress = progress
        self._counted: tuple[int, Counted] | None = None

    def differences(self) -> Iterator[Found]:
        """All there are.

        Raises:
            Gone: The knowledge base was cleared or forgotten meanwhile.
            Conflict: The journal was let go of.
        """
        last = self.stored.last_pattern(self.kb)
        for block in self.stored.blocks(self.kb, last):
            self.journal.hold()
            single, doubled = without_doubles(block)
            for number in doubled:
                yield self.found("patterns", f"id {number}", "several rows", "one row")
            self._count(single)
            yield from self._patterns(single, (block.first // 64, block.last // 64))
            self._progress(len(single.sequences.ids))
        sequence = self.audit.totals().sequence
        yield from self._patterns(self.waiting.until(sequence).new_block(), NO_BLOCKS)
        yield from self._tombstones()
        yield from self._totals(last)
        yield from symbol_differences(self)

    def found(self, check: str, where: str, stored: object, expected: object, *fixes: Fix) -> Found:
        """A difference of this knowledge base."""
        seen, should = (
            each if isinstance(each, str) else shown(each) for each in (stored, expected)
        )
        return Found(Difference(check, self.audit.name, where, seen, should), fixes)

    def added(self, sequence: int) -> Recount:
        """What the journal adds to the recount, up to an entry."""
        return self._added(sequence).recount

    def _added(self, sequence: int) -> Counted:
        changes = self.waiting.until(sequence)
        if self._counted is None or self._counted[0] != sequence:
            self._counted = sequence, counted(changes, self.stored, self.kb)
        return self._counted[1]

    def _count(self, block: Block) -> None:
        self.recount.add(block.sequences, block.frequencies)
        self.recount.add_felt(block.sequences, block.states)
        ids = set(block.sequences.ids.tolist())
        states = {number: state for number, state in block.states.items() if number in ids}
        for part in PARTS:
            self._carrying[part] += carriers(states, part)

    def _patterns(self, block: Block, blocks: tuple[int, int]) -> Iterator[Found]:
        """Names, frequencies and states of a range of patterns."""
        ids = block.sequences.ids
        held = self.audit.patterns(block.sequences.names.tobytes(), ids.tolist(), *blocks)
        changes = self.waiting.until(held.sequence)
        now = changes.applied(block)
        places = np.searchsorted(ids, now.sequences.ids)
        yield from self._numbers(now, held, places)
        yield from self._extra(ids, held, blocks, changes.new_block().sequences.ids)
        if any(held.parts.values()) or now.states:
            for place, number in zip(places.tolist(), now.sequences.ids.tolist(), strict=True):
                yield from self._state(held, place, number, now.states.get(number, State()))

    def _numbers(self, now: Block, held: HeldPatterns, places: IntArray) -> Iterator[Found]:
        ids, names = now.sequences.ids, now.sequences.names
        stored_ids = np.array(held.ids, np.int64)[places]
        for row in np.flatnonzero(stored_ids != ids).tolist():
            name, seen, number = names[row].tobytes(), int(stored_ids[row]), int(ids[row])
            fix = Fix("name", name, str(seen), number)
            yield self.found("id by name", _pattern(name), seen or "none", number, fix)
        frequencies = np.array(held.frequencies, np.int64)[places]
        for row in np.flatnonzero(frequencies != now.frequencies).tolist():
            seen, should = int(frequencies[row]), int(now.frequencies[row])
            yield self.found(
                "frequency",
                _pattern(names[row].tobytes()),
                seen,
                should,
                _frequency_fix(int(ids[row]), seen, should),
            )

    def _extra(
        self, ids: IntArray, held: HeldPatterns, blocks: tuple[int, int], new: IntArray
    ) -> Iterator[Found]:
        """Blocks of the ledger that count patterns which are not there."""
        if blocks == NO_BLOCKS:
            return
        first, last = blocks
        known = np.concatenate(
            [ids[np.array(held.frequencies, np.int64) > 0], new[new // 64 <= last]]
        )
        present = np.bincount(known // 64 - first, minlength=last - first + 1)
        for at in np.flatnonzero(np.array(held.entries) > present).tolist():
            where = f"ids {64 * (first + at)} to {64 * (first + at) + 63}"
            yield self.found("frequency", where, f"{held.entries[at]} patterns", int(present[at]))

    def _state(
        self, held: HeldPatterns, place: int, number: int, expected: State
    ) -> Iterator[Found]:
        stored = held.state(place)
        packed = packed_state(expected)
        for part in PARTS:
            if getattr(stored, part) != getattr(expected, part):
                fix = Fix(part, number, held.part(part, place), packed[part])
                seen, should = getattr(stored, part), getattr(expected, part)
                yield self.found(part, f"pattern id {number}", seen, should, fix)

    def _tombstones(self) -> Iterator[Found]:
        """Patterns that ClickHouse hides and the ledger counts."""
        hidden = self.stored.tombstones(self.kb)
        held = self.audit.patterns(bytes(20 * len(hidden)), hidden, *NO_BLOCKS)
        for number, frequency in zip(hidden, held.frequencies, strict=True):
            if frequency:
                yield self.found(
                    "tombstone", f"pattern id {number}", "hidden", f"learned {frequency} times"
                )

    def _totals(self, last: int) -> Iterator[Found]:
        held = self.audit.totals()
        changes, added = self.waiting.until(held.sequence), self._added(held.sequence)
        recount = Recount()
        recount.add_all(self.recount)
        recount.add_all(added.recount)
        last = max(last, int(changes.new.ids.max(initial=0)))
        symbols = {**dict.fromkeys(range(self.stored.last_symbol(self.kb) + 1)), **changes.texts}
        expected = {
            "patterns": recount.patterns,
            "frequencies": recount.frequencies,
            "symbols": recount.symbols,
            "occurrences": recount.occurrences,
            "next_pattern": last,
            "next_symbol": len(symbols) - 1,
            "forgotten": last - recount.patterns + held.totals["restored"],
        }
        for field, should in expected.items():
            seen = held.totals[field]
            if seen != should:
                fix = Fix("", field, str(seen), should)
                yield self.found("totals", field, seen, should, fix)
        entries = {"name": recount.patterns, "count": recount.symbols} | {
            part: self._carrying[part] + added.carrying[part] for part in PARTS
        }
        for key, number in entries.items():
            if held.entries[key] > number:
                yield self.found("totals", f"entries of {key}", held.entries[key], number)


def without_doubles(block: Block) -> tuple[Block, list[int]]:
    """A block with each pattern once, and the ids that stood there several times."""
    ids = block.sequences.ids
    _, first = np.unique(ids, return_index=True)
    if len(first) == len(ids):
        return block, []
    doubled = np.unique(ids[np.setdiff1d(np.arange(len(ids)), first)]).tolist()
    single = Block(
        block.first, block.last, block.sequences.take(first), block.frequencies[first], block.states
    )
    return single, doubled


def _frequency_fix(number: int, seen: int, should: int) -> Fix:
    return Fix(f"freq:{number // 64}", number % 64, str(seen), should)


def _pattern(name: bytes) -> str:
    return f"pattern {name.hex()}"
