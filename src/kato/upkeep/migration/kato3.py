"""A KATO 3 installation: rows of its ClickHouse table, each with its keys in Redis."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec import UNSET

from kato.errors import InvalidInput
from kato.model.emotive import Emotives, checked_emotives
from kato.upkeep.migration.keys import Keys
from kato.upkeep.migration.names import Targets
from kato.upkeep.migration.report import LEFT_OUT, Finding, Report
from kato.upkeep.migration.row import Row, Unreadable
from kato.upkeep.migration.stage import Counted, Stage
from kato.upkeep.migration.table import TableRow

_AT_ONCE = 500
"""Rows whose keys are asked for together."""


def rows_of(table: Iterable[TableRow | Unreadable], keys: Keys) -> Iterator[Row | Unreadable]:
    """The rows of the table, each with what Redis keeps of it."""
    remaining = iter(table)
    while part := list(islice(remaining, _AT_ONCE)):
        asked = [(row.base, row.name) for row in part if isinstance(row, TableRow)]
        carried = iter(keys.carried(asked))
        for row in part:
            yield row if isinstance(row, Unreadable) else _row(row, *next(carried))


def _row(
    row: TableRow, frequency: bytes | None, emotives: bytes | None, metadata: bytes | None
) -> Row:
    return Row(
        where=row.where,
        base=row.base,
        name=row.name,
        events=row.events,
        age=row.created,
        frequency=_number(frequency),
        emotives=_json(emotives),
        metadata=_json(metadata),
    )


def _number(text: bytes | None) -> Any:
    if text is None:
        return UNSET
    return int(text) if re.fullmatch(rb"-?[0-9]{1,18}", text) else text


def _json(text: bytes | None) -> Any:
    if text is None:
        return UNSET
    try:
        # KATO 3 wrote by the standard library, which knows NaN and lone surrogates.
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class Symbols:
    """What Redis keeps of symbols: their affinity is staged, their counters are compared.

    Args:
        keys: The keys.
        stage: Holds all patterns already.
        targets: Where each knowledge base goes.
        report: Where differences go.
    """

    def __init__(self, keys: Keys, stage: Stage, targets: Targets, report: Report) -> None:
        self._keys = keys
        self._stage = stage
        self._targets = targets
        self._report = report

    def take(self, bases: Iterable[str]) -> None:
        """Take those of some knowledge bases, by what KATO 3 calls them."""
        bases = sorted(bases)
        shared = [self._targets[base] for base in bases]
        for base in bases:
            kb = self._targets[base]
            for symbols in self._stage.some_symbols(kb):
                self._take_affinity(base, symbols)
                if shared.count(kb) == 1:
                    self._compare(base, symbols)

    def _take_affinity(self, base: str, symbols: list[Counted]) -> None:
        texts = [symbol.text for symbol in symbols]
        for text, sums in zip(texts, self._keys.affinities(base, texts), strict=True):
            if isinstance(sums, str):
                self._tell(base, text, "affinity", sums, LEFT_OUT)
            elif sums:
                self._stage.add_affinity(self._targets[base], text, self._sums(base, text, sums))

    def _sums(self, base: str, text: str, given: dict[bytes, bytes]) -> Emotives:
        sums: Emotives = {}
        for name, value in given.items():
            try:
                sums.update(checked_emotives({name.decode(): float(value)}))
            except (ValueError, InvalidInput) as error:
                self._tell(base, text, "affinity", str(error), LEFT_OUT)
        return sums

    def _compare(self, base: str, symbols: list[Counted]) -> None:
        """Our own counters count; where KATO 3's differ, some of its patterns are not told of."""
        found = self._keys.counters(base, [symbol.text for symbol in symbols])
        for symbol, (frequency, members) in zip(symbols, found, strict=True):
            theirs = _number(frequency), _number(members)
            if theirs != (symbol.frequency, symbol.members):
                told = ["none" if each is UNSET else str(each) for each in theirs]
                reason = (
                    f"KATO 3 counts frequency {told[0]} and patterns {told[1]},"
                    f" the patterns make {symbol.frequency} and {symbol.members}"
                )
                self._tell(base, symbol.text, "symbol", reason, "counted again")

    def _tell(self, base: str, symbol: str, subject: str, reason: str, done: str) -> None:
        self._report.add(
            Finding(
                where="Redis", base=base, name=symbol, subject=subject, reason=reason, done=done
            )
        )
