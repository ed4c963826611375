"""Recall without an index, bounds, a sample or a floor: every pattern is read and aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from kato.matching import Candidates
from kato.plain.alignment import Aligner
from kato.recall.filters.execution import Filtering
from kato.recall.query import Query, Recalled, candidates_of
from kato.recall.trace import MATCH, step
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

BLOCK = 5000
"""Pattern ids that are read at a time, so that memory stays bounded."""

_RANGE = "id >= {first:UInt64} AND id < {end:UInt64}"


class PlainScan:
    """Looks at all patterns in the order of their ids; of each block the best so far are kept.

    Args:
        tables: Where the patterns are.
        filtering: Carries out the filters of a session that names some.
    """

    def __init__(self, tables: PatternTables, filtering: Filtering) -> None:
        self._tables = tables
        self._filtering = filtering

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id (``spec/algorithms.md`` 7.3)."""
        if query.trace is not None:
            query.trace.chosen("scan", "KATO_PLAIN has every pattern aligned")
        if query.config.filter_pipeline and len(query.observation) > 1:
            return self._filtered(query)
        with step(query.trace, "scan", query.last_pattern) as tally:
            found = _best(query, tally.reading(self._all(query)))
            tally.kept = len(found.candidates)
        return found

    def _filtered(self, query: Query) -> Recalled:
        passing, trace = self._filtering(query, self._tables), query.trace
        blocks = passing.blocks(0, BLOCK)
        if trace is not None:
            blocks = trace.watching(blocks)
        with step(trace, MATCH, query.last_pattern) as tally:
            found = _best(query, tally.reading(blocks))
            tally.kept = len(found.candidates)
        if trace is not None:
            trace.filtered(passing.reports, passing.compiled)
        return msgspec.structs.replace(found, stages=passing.stages)

    def _all(self, query: Query) -> Iterator[Sequences]:
        """All patterns: those ClickHouse has, then those of the journal's tail."""
        for first in range(1, query.first_of_tail, BLOCK):
            bounds = {"first": first, "end": min(first + BLOCK, query.first_of_tail)}
            yield self._tables.where(query.kb, _RANGE, bounds).without(query.tail.forgotten)
        for part in query.tail.sequences:
            yield part.without(query.tail.forgotten)


def _best(query: Query, blocks: Iterable[Sequences]) -> Recalled:
    aligner = Aligner(query)
    nothing = Candidates.empty()
    best = Recalled(nothing, np.zeros((0, 20), np.uint8), aligner.align(nothing))
    for block in blocks:
        candidates = candidates_of(block)
        all_of_it = Recalled(candidates, block.names, aligner.align(candidates))
        matching = [at for at in range(len(candidates)) if _matches(query, all_of_it, at)]
        best = _first(Recalled.join([best, _taken(all_of_it, matching)]), query.limit)
    return best


def _matches(query: Query, found: Recalled, at: int) -> bool:
    """Whether a pattern matches at the threshold (6.1, 6.2); one symbol: begins with it (7.6)."""
    if len(query.observation) == 1:
        return bool(found.candidates.symbols_of(at)[0] == query.observation.symbols[0])
    threshold = query.config.recall_threshold
    if found.alignment.similarity[at] < threshold:
        return False
    return threshold == 0 or bool(found.alignment.blocks[at] > 0)


def _first(found: Recalled, limit: int) -> Recalled:
    """The best: highest potential, then similarity, then the older pattern; by ascending id."""
    ids, alignment = found.candidates.ids.tolist(), found.alignment
    potential, similarity = alignment.preliminary.tolist(), alignment.similarity.tolist()
    ranked = sorted(range(len(ids)), key=lambda at: (-potential[at], -similarity[at], ids[at]))
    return _taken(found, sorted(ranked[:limit]))


def _taken(found: Recalled, indices: list[int]) -> Recalled:
    return found.take(np.array(indices, np.int64))
