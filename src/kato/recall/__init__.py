"""Which patterns to look at."""

from kato.recall.query import Query, Recalled
from kato.recall.recall import Recall

__all__ = ["Query", "Recall", "Recalled"]
