"""How one sequence matches a pattern: similarity, blocks, alignment, fuzzy symbols."""

from kato.matching.alignment import Alignment, align, best, matched_positions, qualifies
from kato.matching.candidates import Candidates
from kato.matching.fuzzy import SimilarSymbols, similar_symbols
from kato.matching.matchers import CharacterMatcher, FuzzyMatcher, Matcher, TokenMatcher
from kato.matching.observation import UNKNOWN, Observation

__all__ = [
    "UNKNOWN",
    "Alignment",
    "Candidates",
    "CharacterMatcher",
    "FuzzyMatcher",
    "Matcher",
    "Observation",
    "SimilarSymbols",
    "TokenMatcher",
    "align",
    "best",
    "matched_positions",
    "qualifies",
    "similar_symbols",
]
