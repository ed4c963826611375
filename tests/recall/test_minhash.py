"""Signatures and bands against the original's, and against section 4 read as plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha1
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import Example, case_id, examples

from kato.errors import InvalidConfig
from kato.matching import Candidates, Observation
from kato.model.config import SessionConfig
from kato.recall.filters.bands import TokenHashes
from kato.recall.filters.minhash import band_shape
from kato.recall.filters.overlap import overlap_of
from kato.recall.filters.signature import (
    band_of,
    bands_of,
    permutations,
    signature_of,
    token_hash,
)
from kato.storage.clickhouse.bands import BandShape

PERMUTATIONS = json.loads(
    (Path(__file__).parents[1] / "data" / "minhash_perms.json").read_text(encoding="utf-8")
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
signature_values = st.integers(0, 2**32 - 1)


def plain_signature(symbols: Iterable[str], hashes: int) -> list[int]:
    """``(((a·h + b) mod 2^64) mod (2^61 − 1)) & (2^32 − 1)``, the least over the symbols."""
    pairs = zip(*(column.tolist() for column in permutations(hashes)), strict=True)
    numbers = [int.from_bytes(sha1(s.encode()).digest()[:4], "little") for s in set(symbols)]  # noqa: S324
    return [
        min((((a * h + b) % 2**64) % (2**61 - 1)) & (2**32 - 1) for h in numbers) for a, b in pairs
    ]


def plain_bands(signature: Sequence[int], bands: int, rows: int) -> list[int]:
    """Absolute tuple hashes, as this very interpreter computes them."""
    return [abs(hash(tuple(signature[k * rows : (k + 1) * rows]))) for k in range(bands)]


def test_permutations_are_the_originals() -> None:
    multipliers, increments = permutations(100)
    assert multipliers.tolist() == PERMUTATIONS["a"]
    assert increments.tolist() == PERMUTATIONS["b"]


@pytest.mark.parametrize("count", [1, 10, 256])
def test_smaller_sizes_use_the_front_of_the_same_permutations(count: int) -> None:
    for column, longest in zip(permutations(count), permutations(256), strict=True):
        assert column.tolist() == longest[:count].tolist()


@pytest.mark.parametrize("case", examples("clickhouse_row"), ids=case_id)
def test_rows_are_the_originals(case: Example) -> None:
    symbols = [symbol for event in case["input"]["events"] for symbol in event]
    signature = signature_of(symbols)
    assert signature.tolist() == case["output"]["minhash_sig"]
    assert bands_of(signature).tolist() == case["output"]["lsh_bands"]


@pytest.mark.parametrize("case", examples("clickhouse_row"), ids=case_id)
def test_candidates_say_the_other_columns_of_a_row(case: Example) -> None:
    expected = case["output"]
    ids = {text: number for number, text in enumerate(expected["token_set_sorted"], 1)}
    events = case["input"]["events"]
    pattern = Candidates.of([(1, [[ids[symbol] for symbol in event] for event in events])])
    names = {number: text for text, number in ids.items()}
    symbols = [names[symbol] for symbol in pattern.symbols_of(0).tolist()]
    overlap = overlap_of(Observation.of(events, ids), pattern)
    assert pattern.lengths.tolist() == [expected["length"]]
    assert overlap.shared.tolist() == overlap.distinct.tolist() == [expected["token_count"]]
    assert sorted(set(symbols)) == expected["token_set_sorted"]
    assert (symbols[0], symbols[-1]) == (expected["first_token"], expected["last_token"])


@given(st.lists(texts, min_size=1, max_size=6), st.integers(10, 256))
def test_a_signature_is_the_least_of_the_permuted_hashes(symbols: list[str], size: int) -> None:
    assert signature_of(symbols, size).tolist() == plain_signature(symbols, size)


@given(st.lists(texts, min_size=1, max_size=6))
def test_order_and_repeats_do_not_matter(symbols: list[str]) -> None:
    again = sorted(symbols + symbols[:2], reverse=True)
    assert signature_of(again).tolist() == signature_of(symbols).tolist()


@given(st.lists(signature_values, min_size=1, max_size=20))
def test_a_band_is_the_hash_of_a_tuple(values: list[int]) -> None:
    assert band_of(np.array(values, np.uint64)) == abs(hash(tuple(values)))


@given(st.lists(signature_values, min_size=100, max_size=100), st.integers(1, 20))
def test_bands_are_cut_from_the_front(values: list[int], rows: int) -> None:
    bands = 100 // rows
    assert bands_of(values, bands, rows).tolist() == plain_bands(values, bands, rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0xEEA339DA),  # SHA-1 da39a3ee...
        ("a", 0x37E4F786),  # SHA-1 86f7e437...
        ("é", 0x71BE15BF),  # SHA-1 of the bytes c3 a9: bf15be71...
    ],
)
def test_a_token_hash_is_the_front_of_sha1_backwards(text: str, expected: int) -> None:
    assert token_hash(text) == expected


def test_a_token_is_hashed_once() -> None:
    asked: list[int] = []

    def texts_of(ids: Sequence[int]) -> dict[int, str]:
        asked.extend(ids)
        return {number: f"s{number}" for number in ids}

    hashes = TokenHashes()
    hashes.covering(np.array([3, 1, 3], np.uint32), texts_of)
    found = hashes.covering(np.array([7, 3, 2], np.uint32), texts_of)
    assert asked == [1, 3, 2, 7]
    assert found[[1, 2, 3, 7]].tolist() == [token_hash(f"s{number}") for number in (1, 2, 3, 7)]


@pytest.mark.parametrize(
    ("bands", "rows", "hashes", "expected"),
    [
        (20, 5, 100, 20),
        (64, 4, 256, 64),
        (20, 5, 128, 25),  # 20 * 5 is not 128: 128 // 5
        (100, 20, 100, 5),  # more than there are: 100 // 20
        (1, 7, 100, 14),
        (1, 10, 10, 1),
    ],
)
def test_bands_fill_the_signature(bands: int, rows: int, hashes: int, expected: int) -> None:
    config = SessionConfig(minhash_bands=bands, minhash_rows=rows, minhash_num_hashes=hashes)
    assert band_shape(config) == BandShape(rows, expected)


def test_rows_beyond_the_signature_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"minhash_rows: Must be at most minhash_num_hashes"):
        band_shape(SessionConfig(minhash_rows=20, minhash_num_hashes=10))


@pytest.mark.parametrize(("jaccard", "percent"), [(0.4, 18.6), (0.5, 47.0), (0.7, 97.5)])
def test_documented_chances_of_a_shared_band(jaccard: float, percent: float) -> None:
    assert round(100 * (1 - (1 - jaccard**5) ** 20), 1) == percent


def test_bands_are_shared_as_often_as_documented() -> None:
    pairs = 400
    shared = sum(
        bool(set(bands_of(signature_of(one)).tolist()) & set(bands_of(signature_of(two)).tolist()))
        for one, two in (half_alike(number) for number in range(pairs))
    )
    # The chance is 47 %; five standard deviations of 400 throws are 12.5 %.
    assert shared / pairs == pytest.approx(0.47, abs=0.125)


def half_alike(number: int) -> tuple[list[str], list[str]]:
    """Two sets of six symbols of which they share four: J = 4 / 8."""
    names = [f"{number}-{symbol}" for symbol in range(8)]
    return names[:6], names[2:]
