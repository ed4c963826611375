"""Recall by looking at every pattern: exact, in ClickHouse, block by block.

ClickHouse drops what cannot match; what is left is bounded and aligned in compiled code; of each
block only the best are kept, so memory stays bounded however large the knowledge base is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kato.recall.condition import Condition
from kato.recall.filters import Executor
from kato.recall.filters.execution import Filtering
from kato.recall.look import Look
from kato.recall.query import Query, Recalled
from kato.recall.rounds import in_rounds
from kato.recall.sample import Sample, Samples
from kato.recall.trace import MATCH, step
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

BLOCK = 250_000
"""Pattern ids that the first statement covers."""

MOST = 1_000_000
"""Pattern ids that a statement covers."""

FEW = 1000
"""So many patterns are sooner aligned than a condition is understood."""


class Scan:
    """Recalls by scanning the patterns of a knowledge base.

    Args:
        tables: Where the patterns are.
        samples: Shared with other plans, if there are some.
        filtering: Carries out the filters of a session that names some.
    """

    def __init__(
        self,
        tables: PatternTables,
        samples: Samples | None = None,
        filtering: Filtering = Executor,
    ) -> None:
        self._tables = tables
        self._filtering = filtering
        self._samples = samples or Samples(tables)

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id (``spec/algorithms.md`` 7.3)."""
        look = Look(query)
        if look.is_filtered:
            return self._filtered(look)
        return in_rounds(self._samples, look, query.last_pattern, self._rest)

    def extend(self, query: Query, found: Recalled, after: int) -> Recalled:
        """The best patterns, where ``found`` are the best of those with ids up to ``after``."""
        look = Look(query)
        if look.is_filtered:  # a filter lets through the first it meets, of all patterns
            return self._filtered(look)
        return self._extended(look, found, after)

    def _filtered(self, look: Look) -> Recalled:
        """The best of the patterns that pass the session's filters."""
        executor = self._filtering(look.query, self._tables)
        trace, blocks = look.query.trace, executor.blocks(0, BLOCK)
        if trace is not None:
            blocks = trace.watching(blocks)
        with step(trace, MATCH, look.query.last_pattern) as tally:
            found = self._best(look, tally.reading(blocks), look.nothing())
            tally.kept = len(found.candidates)
        if trace is not None:
            trace.filtered(executor.reports, executor.compiled)
        return msgspec.structs.replace(found, stages=executor.stages)

    def further(self, look: Look, found: Recalled, after: int, until: int) -> Recalled:
        """The best patterns up to an id that ClickHouse has, where ``found`` go up to another.

        Args:
            look: What may be left out.
            found: The best of the patterns with ids up to ``after``.
            after: An id.
            until: An id before the tail's.
        """
        with step(look.query.trace, "scan", max(0, until - after)) as tally:
            blocks = tally.reading(self._stored(look, after, until))
            found = self._best(look, blocks, found)
            tally.kept = len(found.candidates)
        return found

    def _rest(self, look: Look, found: Recalled, sample: Sample) -> Recalled:
        return self._extended(look, found, sample.until)

    def _extended(self, look: Look, found: Recalled, after: int) -> Recalled:
        tail = look.query.tail
        found = self.further(look, found, after, look.query.first_of_tail - 1)
        with step(look.query.trace, "tail", sum(len(p.ids) for p in tail.sequences)) as tally:
            blocks = tally.reading(p.without(tail.forgotten) for p in tail.sequences)
            found = self._best(look, blocks, found)
            tally.kept = len(found.candidates)
        return found

    def _best(self, look: Look, blocks: Iterable[Sequences], found: Recalled) -> Recalled:
        look.raise_floor(found)
        for block in blocks:
            found = look.better(found, look.recalled(block))
            look.raise_floor(found)
        return found

    def _stored(self, look: Look, after: int, until: int) -> Iterator[Sequences]:
        """The patterns ClickHouse has, behind an id and up to another, by ascending id."""
        query, size = look.query, BLOCK
        while after < until:
            last = min(after + size, until)
            condition = _condition(look, last - after)
            where = f"id >= {{first:UInt64}} AND id <= {{last:UInt64}} AND ({condition.sql})"
            parameters = {"first": after + 1, "last": last, **condition.parameters}
            block = self._tables.where(query.kb, where, parameters, hide=query.forgotten > 0)
            yield block.without(query.tail.forgotten)
            after = last
            if look.is_plain:  # the floor is high by now, and few rows of a block are answered
                size = min(2 * size, MOST)


def _condition(look: Look, ids: int) -> Condition:
    """What a match among so many ids cannot do without, by its signature where that tells."""
    if not look.is_plain:
        return look.condition()
    return Condition(*look.reaching().condition()) if ids > FEW else Condition("true")
