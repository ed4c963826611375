"""The files of the recall index against the sequences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from kato.recall.index.catalog import Catalog
from kato.recall.index.files import Damaged, SegmentFile, load
from kato.recall.index.segment import Shelved
from kato.storage.ledger.journal import Sequences
from kato.upkeep.difference import Difference, Found
from kato.upkeep.stored import IDS_AT_ONCE, IntArray, Stored


def segment_differences(stored: Stored, catalog: Catalog, kb: int, name: str) -> Iterator[Found]:
    """Segments that are damaged, or miss a pattern, or hold it otherwise.

    What was forgotten may still be in a segment: it is hidden when the segment is used.
    """
    for file in catalog.files(kb):
        problem = _problem(stored, kb, file)
        if problem:
            difference = Difference("segments", name, file.path.name, problem, "the patterns")
            yield Found(difference, mend=partial(catalog.discard, kb, file))


def _problem(stored: Stored, kb: int, file: SegmentFile) -> str:
    """What is wrong with a segment; empty if nothing is."""
    try:
        shelf = load(file)
    except (Damaged, OSError) as error:
        return str(error)
    order = np.argsort(shelf.segment.ids, kind="stable")
    ids = shelf.segment.ids[order].astype(np.int64) + (shelf.first - 1)
    for first in range(shelf.first, shelf.last + 1, IDS_AT_ONCE):
        last = min(first + IDS_AT_ONCE - 1, shelf.last)
        expected = stored.sequences(kb, first, last)
        rows = np.searchsorted(ids, expected.ids)
        missing = np.flatnonzero(rows == len(ids)) if len(rows) else rows
        if not len(missing) and len(rows):
            missing = np.flatnonzero(ids[rows] != expected.ids)
        if len(missing):
            return f"pattern id {expected.ids[missing[0]]} is missing"
        other = _other(shelf, order[rows], expected)
        if other is not None:
            return f"pattern id {other} is another one"
    return ""


def _other(shelf: Shelved, rows: IntArray, expected: Sequences) -> int | None:
    """The id of a pattern that a segment holds otherwise."""
    found = shelf.sequences(rows)
    same = all(
        np.array_equal(getattr(found, field), getattr(expected, field))
        for field in Sequences.__struct_fields__
    )
    if same:
        return None
    for row, number in enumerate(expected.ids.tolist()):
        one = np.array([row])
        here, there = found.take(one), expected.take(one)
        if any(
            not np.array_equal(getattr(here, field), getattr(there, field))
            for field in Sequences.__struct_fields__
        ):
            return int(number)
    return None
