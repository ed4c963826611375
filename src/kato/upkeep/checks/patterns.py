"""Patterns and vectors against their names, which follow from what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from kato.errors import InvalidVector
from kato.model.naming import pattern_name
from kato.model.vector import vector_symbol
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.journal import Sequences
from kato.upkeep.difference import Difference, Found
from kato.upkeep.stored import IDS_AT_ONCE, Stored

SYMBOLS_AT_ONCE = 500_000
VECTORS_AT_ONCE = 10_000

_VECTORS = """
SELECT name, dimension, value FROM vectors FINAL
WHERE kb = {kb:UInt32} AND (dimension, name) > ({dimension:UInt32}, {name:String})
ORDER BY dimension, name LIMIT {limit:UInt64}
"""


def pattern_differences(
    stored: Stored, kb: int, name: str, progress: Callable[[int], None] = lambda _: None
) -> Iterator[Found]:
    """Patterns that are not what their names say; nothing of this can be mended.

    Args:
        stored: What ClickHouse holds.
        kb: The knowledge base's number.
        name: Its name.
        progress: Told after each range how many patterns were looked at.
    """
    texts = _texts(stored, kb)
    last = stored.last_pattern(kb)
    for first in range(0, last + 1, IDS_AT_ONCE):
        found = stored.sequences(kb, first, min(first + IDS_AT_ONCE - 1, last))
        for number, expected, given in _misnamed(found, texts):
            difference = Difference("patterns", name, f"pattern id {number}", given, expected)
            yield Found(difference)
        progress(len(found.ids))


def vector_differences(clickhouse: ClickHouse, kb: int, name: str) -> Iterator[Found]:
    """Vectors that are not what their names say."""
    given = {"kb": kb, "dimension": 0, "name": "", "limit": VECTORS_AT_ONCE}
    while rows := clickhouse.rows(_VECTORS, given):
        for symbol, dimension, value in rows:
            expected = _vector_name(value)
            if symbol != expected or dimension != len(value):
                stored = f"{dimension} numbers of {expected}"
                yield Found(Difference("vectors", name, f"vector {symbol!a}", stored, symbol))
        given |= {"name": rows[-1][0], "dimension": rows[-1][1]}


def _vector_name(value: list[float]) -> str:
    try:
        return vector_symbol(value)
    except InvalidVector:
        return "none"


def _texts(stored: Stored, kb: int) -> list[str | None]:
    """The texts of all symbols by id, as recall keeps them too."""
    last = stored.last_symbol(kb)
    texts: list[str | None] = [None] * (last + 1)
    for first in range(1, last + 1, SYMBOLS_AT_ONCE):
        for number, text in stored.texts(kb, first, first + SYMBOLS_AT_ONCE - 1).items():
            if number <= last:
                texts[number] = text
    return texts


def _misnamed(found: Sequences, texts: list[str | None]) -> Iterator[tuple[int, str, str]]:
    """Patterns whose names are not those of their events: id, right name, given name."""
    names = found.names.tobytes().hex()
    symbols = [texts[i] if i < len(texts) else None for i in found.symbols.tolist()]
    spans = pairwise(found.offsets.tolist())
    ends = pairwise(found.event_offsets.tolist())
    for row, ((start, stop), (first, last)) in enumerate(zip(spans, ends, strict=True)):
        given = names[40 * row : 40 * row + 40]
        expected = _name(symbols[start:stop], found.event_ends[first:last])
        if given != expected:
            yield int(found.ids[row]), expected, given


def _name(symbols: list[str | None], ends: np.ndarray) -> str:
    texts = [text for text in symbols if text is not None]
    if len(texts) < len(symbols):
        return "not known: the text of a symbol is missing"
    if not len(ends):
        return pattern_name([[text] for text in texts])
    starts = [0, *ends.tolist()]
    if starts != sorted(starts) or starts[-1] != len(texts):
        return "not known: its events do not end where its symbols do"
    return pattern_name([texts[start:stop] for start, stop in pairwise(starts)])
