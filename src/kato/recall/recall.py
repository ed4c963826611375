"""How recall is asked: one question, one answer, whatever plan finds it."""

from __future__ import annotations

from typing import Protocol

from kato.recall.query import Query, Recalled


class Recall(Protocol):
    """Finds the ensemble of a query.

    The contract: of all patterns that match the memory at ``recall_threshold``, the best
    ``3 * max_predictions`` by the preliminary potential, ties broken by similarity, then by the
    smaller id, as an exhaustive scan would find them. A memory of one symbol recalls the patterns
    that begin with it, whatever their similarity.
    """

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id."""
