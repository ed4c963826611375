"""The symbols of a knowledge base: their ids, counts and affinity sums."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kato.model.emotive import Emotives
from kato.storage.ledger.audit import Fix, HeldSymbols
from kato.storage.ledger.connection import packed
from kato.storage.ledger.journal import unpacked_emotives
from kato.storage.ledger.rebuilding import packed_counts
from kato.upkeep.difference import Found
from kato.upkeep.recount import IntArray, Recount
from kato.upkeep.waiting import Changes

if TYPE_CHECKING:
    from kato.upkeep.checks.ledger import LedgerCheck

SYMBOLS_AT_ONCE = 20_000
"""Symbols that are looked at in one step of the ledger."""

NO_COUNT = bytes(12)


def symbol_differences(check: LedgerCheck) -> Iterator[Found]:
    """What is wrong with symbols, range by range of their ids."""
    last = max(
        check.stored.last_symbol(check.kb),
        max(check.waiting.until(check.audit.totals().sequence).texts, default=0),
    )
    for first in range(1, last + 1, SYMBOLS_AT_ONCE):
        check.journal.hold()
        behind = min(first + SYMBOLS_AT_ONCE - 1, last)
        check.recount.add_inherited(check.stored.inherited(check.kb, first, behind))
        yield from _Range(check, first, behind).differences()


class _Range:
    """A range of symbol ids, what the ledger holds of them, and the changes up to then."""

    def __init__(self, check: LedgerCheck, first: int, last: int) -> None:
        self._check = check
        self._first, self._last = first, last
        texts = check.stored.texts(check.kb, first, last)
        fresh = check.waiting.until(check.audit.totals().sequence).texts
        self._texts = texts | {i: text for i, text in fresh.items() if first <= i <= last}
        self._held: HeldSymbols = check.audit.symbols(self._texts)
        self._changes: Changes = check.waiting.until(self._held.sequence)
        self._added: Recount = check.added(self._held.sequence)

    def differences(self) -> Iterator[Found]:
        yield from self._without_text()
        counts = self._counts()
        for place, (number, text) in enumerate(self._texts.items()):
            where, seen = f"symbol {text!a}", self._held.ids[place]
            if seen != str(number).encode():
                fix = Fix("symbol", text, seen, number)
                yield self._check.found("id by symbol", where, _said(seen), number, fix)
            count = counts[number - self._first]
            if self._held.counts[place] != count:
                seen = self._held.counts[place]
                fix = Fix("count", number, seen, count)
                yield self._check.found("symbol counts", where, _count(seen), _count(count), fix)
        yield from self._affinities()
        yield from self._inherited()

    def _members(self) -> IntArray:
        before = self._check.recount.members(self._last)
        members: IntArray = (before + self._added.members(self._last))[self._first :]
        return members

    def _counts(self) -> list[bytes]:
        """What the ledger should hold, by id from the first of the range."""
        frequencies = (
            self._check.recount.symbol_frequencies(self._last)
            + self._added.symbol_frequencies(self._last)
        )[self._first :]
        counts = packed_counts(frequencies, self._members())
        return [b"" if count[6:] == NO_COUNT[6:] else count for count in counts]

    def _without_text(self) -> Iterator[Found]:
        for number in (np.flatnonzero(self._members()) + self._first).tolist():
            if number not in self._texts:
                where = f"symbol id {number}"
                yield self._check.found("symbols", where, "no text", "the text of the symbol")

    def _affinities(self) -> Iterator[Found]:
        kb, changes = self._check.kb, self._changes
        stored = self._check.stored.affinities(kb, self._first, self._last)
        for place, (number, text) in enumerate(self._texts.items()):
            packed_sums = self._held.affinities[place]
            held = unpacked_emotives(packed_sums) if packed_sums else {}
            where = f"symbol {text!a}"
            if number in changes.affinities:
                should = changes.affinities[number]
            else:
                before = stored.get(number, {})
                should = self._true(number, held, before)
                if should != before:
                    difference = self._check.found("affinity of ClickHouse", where, before, should)
                    yield Found(difference.difference, mend=partial(self._keep, number, should))
            if held != should:
                fix = Fix("affinity", number, packed_sums, packed(should) if should else b"")
                yield self._check.found("affinity", where, held, should, fix)

    def _inherited(self) -> Iterator[Found]:
        check = self._check
        stored = check.stored.inherited(check.kb, self._first, self._last)
        for place, (number, text) in enumerate(self._texts.items()):
            packed_sums = self._held.inherited[place]
            seen = unpacked_emotives(packed_sums) if packed_sums else {}
            should = self._changes.inherited.get(number, stored.get(number, {}))
            if seen != should:
                fix = Fix("inherited", number, packed_sums, packed(should) if should else b"")
                yield check.found("inherited affinity", f"symbol {text!a}", seen, should, fix)

    def _true(self, number: int, held: Emotives, stored: Emotives) -> Emotives:
        """The sums that fit the recount: those stored if they do, as their last digits differ."""
        recount = self._check.recount
        fitting = (sums for sums in (stored, held) if recount.is_affinity(number, sums))
        summed = {emotive: total for emotive, (total, _) in recount.affinity_of(number).items()}
        return next(fitting, summed)

    def _keep(self, number: int, sums: Emotives) -> None:
        self._check.stored.keep_affinities(self._check.kb, self._held.sequence, {number: sums})


def _said(value: bytes) -> str:
    return value.decode() or "none"


def _count(packed_count: bytes) -> str:
    if not packed_count:
        return "none"
    frequency, members = (int.from_bytes(packed_count[at : at + 6], "little") for at in (0, 6))
    return f"learned {frequency} times, in {members} patterns"
