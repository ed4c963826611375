"""The parts of matched patterns: what lies in the present, and what is behind it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching import Alignment, Candidates, Observation, matched_positions
from kato.matching.candidates import Place
from kato.matching.codes import code_of
from kato.matching.compiled import Array, allocating, kernel_array
from kato.matching.observed import Observed, observed

Flags = npt.NDArray[np.bool_]


def presents_of(patterns: Candidates, alignment: Alignment) -> Candidates:
    """The events of each pattern from the first to the last match."""
    start = Place(alignment.present_start, alignment.past_events)
    return patterns.between(start, _present_end(alignment))


def _present_end(alignment: Alignment) -> Place:
    return Place(alignment.present_end, alignment.present_events_end)


class Comparison(NamedTuple):
    """The memory beside k patterns.

    Attributes:
        hits: bool[k, n], which observed symbols are matched.
        presents: The presents, see :func:`presents_of`.
        missing: bool[total], which symbols of the presents were not matched.
        extra: bool[k, n], which observed symbols are not in the present.
    """

    hits: Flags
    presents: Candidates
    missing: Flags
    extra: Flags


def compare(observation: Observation, patterns: Candidates, alignment: Alignment) -> Comparison:
    """Compare the memory with each pattern it is aligned with."""
    hits = matched_positions(observation, patterns, alignment)
    presents = presents_of(patterns, alignment)
    return Comparison(hits, presents, *differences(observation, presents, alignment, hits))


class Differences(NamedTuple):
    """What the memory and k presents do not share.

    Attributes:
        missing: bool[total], which symbols of the presents were not matched.
        extra: bool[k, n], which observed symbols are not in the present.
    """

    missing: Flags
    extra: Flags


def differences(
    observation: Observation, presents: Candidates, alignment: Alignment, hits: Flags
) -> Differences:
    """Compare the memory with each present.

    Args:
        observation: The memory.
        presents: See :func:`presents_of`.
        alignment: Of the memory with their patterns.
        hits: bool[k, n], which observed symbols are matched.
    """
    rows = alignment.rewritten if len(alignment.rewritten) else observation.symbols[np.newaxis]
    missing, extra = np.zeros(len(presents.symbols), np.bool_), np.zeros(hits.shape, np.bool_)
    symbols = kernel_array(presents.symbols, np.uint32)
    offsets = kernel_array(presents.offsets, np.int64)
    memory = observed(kernel_array(rows, np.uint32))
    mark_differences(memory, symbols, offsets, hits, Differences(missing, extra))
    return Differences(missing, extra)


@allocating
def mark_differences(
    memory: Observed, symbols: Array, offsets: Array, hits: Array, found: Differences
) -> None:
    """Write what the memory and each present do not share."""
    matched = np.zeros(len(memory.first), np.bool_)
    present = np.zeros(len(memory.first), np.bool_)
    for index in range(len(hits)):
        row = memory.rows[index] if len(memory.rows) > 1 else memory.rows[0]
        for position in range(len(row)):
            if hits[index, position]:
                matched[row[position]] = True
        for position in range(offsets[index], offsets[index + 1]):
            code = code_of(memory.table, symbols[position])
            found.missing[position] = code < 0 or not matched[code]
            if code >= 0:
                present[code] = True
        for position in range(len(row)):
            found.extra[index, position] = not present[row[position]]
        matched[:] = False
        present[:] = False
