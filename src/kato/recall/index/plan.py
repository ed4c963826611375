"""Recall by the index: what its segments cover, found by search or by contest."""

from __future__ import annotations

from typing import Any

import numpy as np

from kato.matching import TokenMatcher, align
from kato.recall.index.catalog import Catalog
from kato.recall.index.contest import contested
from kato.recall.index.find import WORK, Work, find
from kato.recall.index.segment import Shelved
from kato.recall.look import Look
from kato.recall.query import Query, Recalled, candidates_of
from kato.recall.trace import step

BYTES_A_PATTERN = 115
"""What a pattern of 12 symbols takes, about."""


class IndexPlan:
    """Answers for the patterns that the index covers.

    Args:
        catalog: The segments.
    """

    name = "index"

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def fits(self, query: Query) -> bool:
        """Whether there is room for the knowledge base, if its patterns are of usual length."""
        return query.last_pattern * BYTES_A_PATTERN <= self._catalog.limit

    def best(self, query: Query) -> tuple[Recalled, int, Work]:
        """The best patterns with ids up to one, that id, and the work it took."""
        view = self._catalog.view(query)
        counted = np.zeros(WORK, np.int64)
        with step(query.trace, self.name, view.covered) as tally:
            found = _found(view.shelves, query, counted) if view.shelves else Look(query).nothing()
            work = Work(*counted.tolist())
            tally.rows, tally.kept = work.read, len(found.candidates)
            tally.details = {
                "overlaps": work.rows,
                "postings": work.postings,
                "aligned": work.aligned,
                "offered": work.offered,
            }
        return found, view.covered, work


def _found(shelves: tuple[Shelved, ...], query: Query, work: np.ndarray[Any, Any]) -> Recalled:
    config, observation = query.config, query.observation
    several = len(observation) > 1
    if not config.use_token_matching or (several and config.fuzzy_token_threshold > 0):
        return contested(shelves, Look(query), work)
    sequences = find(shelves, observation, config.recall_threshold, query.limit, work)
    candidates = candidates_of(sequences)
    return Recalled(candidates, sequences.names, align(observation, candidates, TokenMatcher()))
