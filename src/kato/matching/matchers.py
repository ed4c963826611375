"""The three ways to match, as a session's configuration chooses them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kato.matching.fuzzy import SimilarSymbols


class TokenMatcher(msgspec.Struct, frozen=True):
    """Whole symbols match.

    >>> TokenMatcher()
    TokenMatcher()
    """

    texts = None
    similar = None


class CharacterMatcher(msgspec.Struct, frozen=True, eq=False):
    """Similarity counts characters; blocks, and all that follows from them, are of whole symbols.

    Attributes:
        texts: The text of every symbol of the candidates, by id.

    >>> CharacterMatcher({1: "apple"})
    CharacterMatcher(texts={1: 'apple'})
    """

    texts: Mapping[int, str]
    similar = None


class FuzzyMatcher(msgspec.Struct, frozen=True, eq=False):
    """Observed symbols are taken for similar ones of the pattern, then it is exact.

    Attributes:
        similar: From :func:`kato.matching.similar_symbols`.
        texts: The text of every symbol of the candidates, by id, if the similarity of the
            rewritten memory shall count characters.
    """

    similar: SimilarSymbols
    texts: Mapping[int, str] | None = None


Matcher = TokenMatcher | CharacterMatcher | FuzzyMatcher
