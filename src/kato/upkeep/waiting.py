"""What waits in the journal, as changes to what ClickHouse holds."""

from __future__ import annotations

import msgspec
import numpy as np

from kato.model.emotive import Emotives
from kato.storage.ledger.audit import HeldJournal
from kato.storage.ledger.journal import Entry, Sequences, State
from kato.upkeep.recount import Recount
from kato.upkeep.stored import IDS_AT_ONCE, Block, IntArray, Stored


class Changes(msgspec.Struct):
    """What entries of the journal change of one knowledge base.

    Attributes:
        sequence: Up to this entry.
        new: Patterns that ClickHouse has not got, those forgotten since among them.
        frequencies: By pattern id, the newest.
        states: By pattern id, the newest.
        forgotten: Pattern ids.
        texts: By id, of new symbols.
        affinities: By symbol id, the newest sums.
        inherited: By symbol id, the newest of what came with a move.
    """

    sequence: int
    new: Sequences
    frequencies: dict[int, int] = {}
    states: dict[int, State] = {}
    forgotten: set[int] = set()
    texts: dict[int, str] = {}
    affinities: dict[int, Emotives] = {}
    inherited: dict[int, Emotives] = {}

    def after(self, entries: list[Entry], sequence: int) -> Changes:
        """These and those of later entries."""
        later = Changes(
            sequence,
            Sequences.join([self.new, *(e.sequences for e in entries if e.sequences is not None)]),
            dict(self.frequencies),
            dict(self.states),
            set(self.forgotten),
            dict(self.texts),
            dict(self.affinities),
            dict(self.inherited),
        )
        for entry in entries:
            later.frequencies.update(entry.frequencies)
            later.states.update(entry.states)
            later.texts.update(entry.texts)
            later.affinities.update(entry.affinities)
            later.inherited.update(entry.inherited)
            if entry.forgotten is not None:
                later.forgotten.add(entry.forgotten)
        return later

    def applied(self, block: Block) -> Block:
        """What is left of a block of patterns, with what they carry by now."""
        found = block.sequences
        alive = ~np.isin(found.ids, np.fromiter(self.forgotten, np.int64, len(self.forgotten)))
        rows = np.flatnonzero(alive)
        kept = found if len(rows) == len(found.ids) else found.take(rows)
        frequencies = block.frequencies[rows].copy()
        for number, frequency in self.frequencies.items():
            place = int(np.searchsorted(kept.ids, number))
            if place < len(kept.ids) and kept.ids[place] == number:
                frequencies[place] = frequency
        ids = set(kept.ids.tolist())
        states = {i: state for i, state in {**block.states, **self.states}.items() if i in ids}
        return Block(block.first, block.last, kept, frequencies, states)

    def new_block(self) -> Block:
        """The new patterns that are not forgotten."""
        ids = self.new.ids
        first, last = (int(ids[0]), int(ids[-1])) if len(ids) else (0, -1)
        return self.applied(Block(first, last, self.new, np.ones(len(ids), np.int64)))


class Waiting:
    """The changes that wait for one knowledge base, as far as they are asked for.

    Args:
        journal: It is held, so nothing of it goes, and no pattern is given back.
        kb: The knowledge base's number.
    """

    def __init__(self, journal: HeldJournal, kb: int) -> None:
        self._journal = journal
        self._kb = kb
        self._changes = Changes(journal.done, Sequences.none())

    def until(self, sequence: int) -> Changes:
        """All changes up to an entry; sequences that are asked for ascend."""
        if sequence > self._changes.sequence:
            entries = self._journal.entries(self._changes.sequence, sequence)
            ours = [entry for entry in entries if entry.kb == self._kb]
            if ours:
                self._changes = self._changes.after(ours, sequence)
            else:
                self._changes.sequence = sequence
        return self._changes


class Counted(msgspec.Struct, frozen=True):
    """What changes add to counters.

    Attributes:
        recount: To those of patterns and symbols.
        carrying: By part of a state, to how many patterns have one.
    """

    recount: Recount
    carrying: dict[str, int]


def counted(changes: Changes, stored: Stored, kb: int) -> Counted:
    """What changes add to a recount of what ClickHouse holds."""
    recount = Recount()
    carrying = dict.fromkeys(("emotives", "metadata", "felt"), 0)
    for block in _touched(changes, stored, kb):
        after = changes.applied(block)
        recount.add(block.sequences, block.frequencies, -1)
        recount.add(after.sequences, after.frequencies)
        for sign, states in ((-1, block.states), (1, after.states)):
            for part in carrying:
                carrying[part] += sign * carriers(states, part)
    new = changes.new_block()
    recount.add(new.sequences, new.frequencies)
    for part in carrying:
        carrying[part] += carriers(new.states, part)
    return Counted(recount, carrying)


def carriers(states: dict[int, State], part: str) -> int:
    """How many of them have emotives, metadata or felt."""
    return sum(bool(getattr(state, part)) for state in states.values())


def _touched(changes: Changes, stored: Stored, kb: int) -> list[Block]:
    """What ClickHouse holds of the patterns that changed."""
    touched: IntArray = np.array(
        sorted(
            {*changes.frequencies, *changes.states, *changes.forgotten}
            - set(changes.new.ids.tolist())
        ),
        np.int64,
    )
    return [
        stored.these(kb, touched[at : at + IDS_AT_ONCE].tolist())
        for at in range(0, len(touched), IDS_AT_ONCE)
    ]
