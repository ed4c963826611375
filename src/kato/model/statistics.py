"""What a memory says about itself."""

from __future__ import annotations

import msgspec

from kato.model.emotive import Emotives


class KnowledgeBaseStatistics(msgspec.Struct, frozen=True):
    """What a knowledge base holds.

    Attributes:
        patterns: Patterns in it.
        symbols: Distinct symbols in them.
        pattern_frequencies: Sum of the patterns' frequencies: every learn counts.
        total_symbols: Symbols learned, repeats and relearns included.
    """

    patterns: int
    symbols: int
    pattern_frequencies: int
    total_symbols: int


class SymbolStatistics(msgspec.Struct, frozen=True):
    """What is counted about a symbol.

    Attributes:
        name: The symbol.
        frequency: How often it was learned, repeats and relearns included.
        pattern_member_frequency: How many patterns hold it.
        affinity: By emotive, the sum over the learns that held it of the emotive's mean.
    """

    name: str
    frequency: int
    pattern_member_frequency: int
    affinity: Emotives


class MemoryStatistics(msgspec.Struct, frozen=True):
    """What the stores hold.

    Attributes:
        knowledge_bases: Knowledge bases there are.
        journal_entries: Steps that ClickHouse has not got yet.
        ledger_bytes: Memory of the ledger's data.
        disk_bytes: ClickHouse's data on disk.
        ledger_used_bytes: All memory the ledger's server uses.
        ledger_limit_bytes: Memory it may use before learning is refused; 0 is no limit.
    """

    knowledge_bases: int
    journal_entries: int
    ledger_bytes: int
    disk_bytes: int
    ledger_used_bytes: int = 0
    ledger_limit_bytes: int = 0


class LearnReport(msgspec.Struct, frozen=True):
    """What became of many sequences.

    Attributes:
        sequences: Sequences given.
        new: Patterns that were new.
        known: Sequences that were known patterns.
        too_short: Sequences of fewer than two symbols; they are no patterns.
    """

    sequences: int
    new: int
    known: int
    too_short: int
