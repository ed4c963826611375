"""A knowledge base: learn, predict, get, forget, statistics."""

from kato.memory.copies import PatternCopy, Placed
from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.memory import Memory, open_memory
from kato.memory.searching import PatternPage
from kato.model.statistics import (
    KnowledgeBaseStatistics,
    LearnReport,
    MemoryStatistics,
    SymbolStatistics,
)
from kato.model.undoable import Undoable

__all__ = [
    "KnowledgeBase",
    "KnowledgeBaseStatistics",
    "LearnReport",
    "Memory",
    "MemoryStatistics",
    "PatternCopy",
    "PatternPage",
    "Placed",
    "SymbolStatistics",
    "Undoable",
    "open_memory",
]
