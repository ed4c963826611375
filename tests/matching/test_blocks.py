"""Matching blocks are difflib's."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import reference
from tests.examples import Example, case_id, examples

from kato.matching.blocks import matching_blocks

Sequences = st.lists(st.integers(0, 4), max_size=90) | st.lists(st.integers(0, 40), max_size=90)


def difflib_blocks(pattern: list[int], memory: list[int]) -> list[tuple[int, int, int]]:
    matcher = SequenceMatcher(None, pattern, memory, autojunk=False)
    return [(block.a, block.b, block.size) for block in matcher.get_matching_blocks()[:-1]]


@given(pattern=Sequences, memory=Sequences)
@settings(max_examples=300, deadline=None)
def test_blocks_are_those_of_difflib(pattern: list[int], memory: list[int]) -> None:
    blocks = difflib_blocks(pattern, memory)
    assert matching_blocks(pattern, memory) == blocks
    assert reference.matching_blocks(pattern, memory) == blocks


@pytest.mark.deep
@given(pattern=Sequences, memory=Sequences)
@settings(max_examples=50_000, deadline=None)
def test_blocks_are_those_of_difflib_in_depth(pattern: list[int], memory: list[int]) -> None:
    assert matching_blocks(pattern, memory) == difflib_blocks(pattern, memory)


@pytest.mark.parametrize("case", examples("matching_blocks"), ids=case_id)
def test_the_originals_blocks(case: Example) -> None:
    pattern, memory = case["input"]["pattern"], case["input"]["state"]
    ids = {symbol: number for number, symbol in enumerate({*pattern, *memory})}
    blocks = matching_blocks([ids[s] for s in pattern], [ids[s] for s in memory])
    assert [list(block) for block in blocks] == case["output"]["blocks"]
    assert sum(size for _, _, size in blocks) == case["output"]["block_total"]
    assert reference.lcs_length(pattern, memory) == case["output"]["lcs"]


def test_nothing_in_common() -> None:
    assert matching_blocks([1, 2], [3]) == []


def test_many_equal_runs_are_found_one_after_the_other() -> None:
    # Each search ends at the first run as long as the one before: all are of 2.
    blocks = matching_blocks([0, 1, 2] * 3_000, [0, 1] * 500)
    assert blocks == [(3 * at, 2 * at, 2) for at in range(500)]


def test_a_run_of_thousands_is_found_at_once() -> None:
    assert matching_blocks([1] * 10_000, [1] * 1_000) == [(0, 0, 1_000)]
