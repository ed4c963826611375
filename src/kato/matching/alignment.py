"""How a memory lies against each of many patterns (``spec/algorithms.md`` 6, 7.1 and 7.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching.candidates import Candidates, Indices
from kato.matching.characters import joined_texts, similarities_in_pairs, similarities_to_one
from kato.matching.compiled import kernel_array
from kato.matching.fuzzy import Similar, SimilarSymbols, nothing_similar, similar_codes
from kato.matching.kernel import Columns, Patterns, align_all, scratch_of
from kato.matching.matchers import Matcher
from kato.matching.observation import Observation
from kato.matching.observed import Observed, observed


class Alignment(msgspec.Struct, frozen=True, eq=False):
    """The memory against k candidates, one value for each of them.

    Events are counted from the pattern's first, symbols in the flattened pattern.

    Attributes:
        similarity: float64, 0 to 1.
        lcs: int32, length of the longest common subsequence.
        matched: int32, symbols in matching blocks.
        blocks: int32, number of matching blocks.
        past_events: int32, events before the present.
        present_events_end: int32, events up to the end of the present.
        present_start: int32, symbols before the present.
        present_end: int32, symbols up to the end of the present.
        preliminary: float64, see :func:`kato.matching.kernel.preliminary_potential`.
        rewritten: uint32[k, n], the memory as fuzzy matching rewrote it for each candidate;
            uint32[0, n] if it did not.
    """

    similarity: npt.NDArray[np.float64]
    lcs: npt.NDArray[np.int32]
    matched: npt.NDArray[np.int32]
    blocks: npt.NDArray[np.int32]
    past_events: npt.NDArray[np.int32]
    present_events_end: npt.NDArray[np.int32]
    present_start: npt.NDArray[np.int32]
    present_end: npt.NDArray[np.int32]
    preliminary: npt.NDArray[np.float64]
    rewritten: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.similarity)

    def take(self, indices: Indices) -> Alignment:
        """The alignment of the candidates at these indices."""
        rewritten = self.rewritten[indices] if len(self.rewritten) else self.rewritten
        columns = {name: getattr(self, name)[indices] for name in _COLUMNS}
        return Alignment(**columns, rewritten=rewritten)

    @staticmethod
    def join(parts: Sequence[Alignment]) -> Alignment:
        """The alignments of one memory with several candidates, one after the other."""
        names = Alignment.__struct_fields__
        return Alignment(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
        )

    def memory(self, observation: Observation, index: int) -> npt.NDArray[np.uint32]:
        """uint32[n], the memory that was matched with one candidate, rewritten or as observed."""
        return self.rewritten[index] if len(self.rewritten) else observation.symbols


_COLUMNS = Alignment.__struct_fields__[:-1]


def align(observation: Observation, candidates: Candidates, matcher: Matcher) -> Alignment:
    """Lay the memory against each candidate.

    A memory of one symbol is for candidates that begin with it (``spec/algorithms.md`` 7.6).

    >>> from kato.matching import TokenMatcher
    >>> memory = Observation.of([["b"], ["c"]], {"b": 2, "c": 3})
    >>> patterns = Candidates.of([(1, [[1], [2], [3], [4]])])
    >>> found = align(memory, patterns, TokenMatcher())
    >>> found.similarity.tolist(), found.matched.tolist(), found.present_start.tolist()
    ([0.6666666666666665], [2], [1])
    """
    alignment = _by_symbols(observation, candidates, matcher.similar)
    if matcher.texts is None:
        return alignment
    similarity = _by_characters(observation, candidates, alignment, matcher)
    return msgspec.structs.replace(alignment, similarity=similarity)


def qualifies(alignment: Alignment, recall_threshold: float) -> npt.NDArray[np.bool_]:
    """Which candidates match: similar enough, and with a block unless the threshold is 0."""
    enough: npt.NDArray[np.bool_] = alignment.similarity >= recall_threshold
    return enough if recall_threshold == 0 else enough & (alignment.blocks > 0)


def best(alignment: Alignment, candidates: Candidates, limit: int) -> npt.NDArray[np.int64]:
    """Indices of the best candidates, ascending.

    The best have the highest preliminary potential, then similarity, then the smallest id.
    """
    preliminary = alignment.preliminary
    if len(preliminary) <= limit:
        return np.arange(len(preliminary))
    cut = np.partition(preliminary, -limit)[-limit]
    contenders = np.flatnonzero(preliminary >= cut)
    order = np.lexsort(
        (
            candidates.ids[contenders],
            -alignment.similarity[contenders],
            -preliminary[contenders],
        )
    )
    return np.sort(contenders[order[:limit]])


def matched_positions(
    observation: Observation, candidates: Candidates, alignment: Alignment
) -> npt.NDArray[np.bool_]:
    """bool[k, n]: which observed symbols lie in a matching block of each candidate."""
    rows = alignment.rewritten if len(alignment.rewritten) else observation.symbols[np.newaxis]
    memory = observed(kernel_array(rows, np.uint32))
    hits = np.zeros((len(candidates), len(observation)), np.bool_)
    columns = _columns(len(candidates), 0, hits)
    patterns = kernel_patterns(candidates)
    align_all(patterns, memory, nothing_similar(), columns, scratch_of(patterns, memory))
    return hits


def kernel_patterns(candidates: Candidates) -> Patterns:
    """The candidates as kernels take them."""
    return Patterns(
        kernel_array(candidates.symbols, np.uint32),
        kernel_array(candidates.offsets, np.int64),
        kernel_array(candidates.event_ends, np.int32),
        kernel_array(candidates.event_offsets, np.int64),
    )


def _by_symbols(
    observation: Observation, candidates: Candidates, similar: SimilarSymbols | None
) -> Alignment:
    memory, coded, ids = _prepared(observation, similar)
    rewritten = 0 if similar is None else len(candidates)
    columns = _columns(len(candidates), rewritten, np.zeros((0, len(observation)), np.bool_))
    patterns = kernel_patterns(candidates)
    align_all(patterns, memory, coded, columns, scratch_of(patterns, memory))
    return Alignment(*columns[:-2], ids[columns.codes])


def _prepared(
    observation: Observation, similar: SimilarSymbols | None
) -> tuple[Observed, Similar, npt.NDArray[np.uint32]]:
    symbols = kernel_array(observation.symbols, np.uint32)[np.newaxis]
    if similar is None:
        return observed(symbols), nothing_similar(), np.unique(symbols)
    # The second row is where the kernel writes the rewritten memory.
    memory = observed(np.repeat(symbols, 2, axis=0), similar.ids)
    ids = np.unique(np.concatenate([symbols[0], similar.ids]))
    return memory, similar_codes(observation.texts, similar, memory), ids


def _columns(count: int, rewritten: int, hits: npt.NDArray[np.bool_]) -> Columns:
    floats = ("similarity", "preliminary")
    columns = {
        name: np.zeros(count, np.float64 if name in floats else np.int32) for name in _COLUMNS
    }
    codes = np.zeros((rewritten, hits.shape[1]), np.int64)
    return Columns(**columns, codes=codes, hits=hits)


def _by_characters(
    observation: Observation, candidates: Candidates, alignment: Alignment, matcher: Matcher
) -> npt.NDArray[np.float64]:
    texts: Mapping[int, str] = matcher.texts or {}
    patterns = joined_texts(candidates, texts)
    if not len(alignment.rewritten):
        return similarities_to_one(" ".join(observation.texts), patterns)
    memories = [
        " ".join(_rewritten_texts(observation, row, texts)) for row in alignment.rewritten.tolist()
    ]
    return similarities_in_pairs(memories, patterns)


def _rewritten_texts(
    observation: Observation, row: Sequence[int], texts: Mapping[int, str]
) -> list[str]:
    symbols = observation.symbols.tolist()
    return [
        text if symbol == new else texts[new]
        for text, symbol, new in zip(observation.texts, symbols, row, strict=True)
    ]
