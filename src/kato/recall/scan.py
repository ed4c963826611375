"""Recall by looking at every pattern: exact, in ClickHouse, block by block.

ClickHouse drops what cannot match; what is left is bounded and aligned in compiled code; of each
block only the best are kept, so memory stays bounded however large the knowledge base is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from kato.recall.filters import Executor
from kato.recall.look import Look, worst
from kato.recall.query import Query, Recalled
from kato.recall.sample import Samples
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

BLOCK = 250_000
"""Pattern ids a statement covers."""


class Scan:
    """Recalls by scanning the patterns of a knowledge base.

    Args:
        tables: Where the patterns are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables
        self._samples = Samples(tables)

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id (``spec/algorithms.md`` 7.3)."""
        look = Look(query)
        if look.is_filtered:
            return self._filtered(look)
        guess = self._guessed_floor(look)
        found = self._found(look, guess)
        if worst(query, found) < guess:
            found = self._found(look, -np.inf)  # the guess was too high: look again without
        return found

    def extend(self, query: Query, found: Recalled, after: int) -> Recalled:
        """The best patterns, where ``found`` are the best of those with ids up to ``after``."""
        look = Look(query)
        if look.is_filtered:  # a filter lets through the first it meets, of all patterns
            return self._filtered(look)
        return self._extended(look, found, after)

    def _filtered(self, look: Look) -> Recalled:
        """The best of the patterns that pass the session's filters."""
        executor = Executor(look.query, self._tables)
        found = self._best(look, executor.blocks(0, BLOCK), look.nothing())
        return msgspec.structs.replace(found, stages=executor.stages)

    def _found(self, look: Look, floor: float) -> Recalled:
        """The best patterns, less those that cannot reach the floor."""
        look.floor = floor
        return self._extended(look, look.nothing(), 0)

    def _extended(self, look: Look, found: Recalled, after: int) -> Recalled:
        look.floor = max(look.floor, worst(look.query, found))
        return self._best(look, self._blocks(look, after), found)

    def _best(self, look: Look, blocks: Iterable[Sequences], found: Recalled) -> Recalled:
        for block in blocks:
            found = look.better(found, look.recalled(block))
            look.floor = max(look.floor, worst(look.query, found))
        return found

    def _guessed_floor(self, look: Look) -> float:
        """What the worst of the best will probably reach, as a sample of the patterns shows.

        If r of the best are to be expected in a sample, the one in place r + 3 sqrt(r) + 3 of the
        sample is very likely not among them.
        """
        sample = self._samples.of(look.query) if look.is_plain else None
        if sample is None:
            return -np.inf
        expected = look.query.limit * len(sample.ids) / look.query.last_pattern
        place = math.ceil(expected + 3 * math.sqrt(expected) + 3)
        preliminary = look.recalled(sample, place).alignment.preliminary
        return float(preliminary.min()) if len(preliminary) == place else -np.inf

    def _blocks(self, look: Look, after: int) -> Iterator[Sequences]:
        """The patterns behind an id by ascending id: ClickHouse's, then those of the tail."""
        query, tail = look.query, look.query.tail
        for first in range(after + 1, query.first_of_tail, BLOCK):
            condition = look.condition()
            where = f"id >= {{first:UInt64}} AND id < {{end:UInt64}} AND ({condition.sql})"
            end = min(first + BLOCK, query.first_of_tail)
            parameters = {"first": first, "end": end, **condition.parameters}
            block = self._tables.where(query.kb, where, parameters, hide=query.forgotten > 0)
            yield block.without(tail.forgotten)
        yield from (part.without(tail.forgotten) for part in tail.sequences)
