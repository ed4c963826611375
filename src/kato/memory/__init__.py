"""A knowledge base: learn, predict, get, forget, statistics."""

from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.memory import Memory, open_memory
from kato.model.statistics import (
    KnowledgeBaseStatistics,
    LearnReport,
    MemoryStatistics,
    SymbolStatistics,
)

__all__ = [
    "KnowledgeBase",
    "KnowledgeBaseStatistics",
    "LearnReport",
    "Memory",
    "MemoryStatistics",
    "SymbolStatistics",
    "open_memory",
]
