"""The bit-parallel longest common subsequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import lcs_length

from kato.matching import Candidates, Observation, TokenMatcher, align


def kernel_lcs(pattern: list[int], memory: list[int]) -> int:
    symbols = np.array(memory, np.uint32)
    observation = Observation(symbols, np.array([len(memory)], np.int32), [""] * len(memory))
    candidates = Candidates.of([(1, [pattern])])
    return int(align(observation, candidates, TokenMatcher()).lcs[0])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_lengths_are_those_of_the_textbook(data: st.DataObject) -> None:
    kinds = data.draw(st.sampled_from((2, 5, 50)))
    sequences = st.lists(st.integers(0, kinds), min_size=1, max_size=200)
    pattern, memory = data.draw(sequences), data.draw(sequences)
    assert kernel_lcs(pattern, memory) == lcs_length(pattern, memory)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 127, 128, 129, 1000])
def test_words_carry_over(length: int) -> None:
    sequence = list(range(length))
    assert kernel_lcs(sequence, sequence) == length
    assert kernel_lcs([0] * 10_000, [0] * length) == length
    assert kernel_lcs(sequence[::-1], sequence) == 1
