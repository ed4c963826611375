"""Segments as files: what was written is read, and damage is noticed wherever it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tests.recall.index.cases import Rows, patterns, shelves_of

from kato.matching import Candidates
from kato.recall.index.files import Damaged, SegmentFile, load, save, segment_files
from kato.recall.index.segment import Shelved


def shelf_of(rows: Rows) -> Shelved:
    return shelves_of(Candidates.of(enumerate(rows, start=1)))[0]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(patterns())
def test_what_is_written_is_read(tmp_path: Path, rows: Rows) -> None:
    shelf = shelf_of(rows)
    file = save(shelf, tmp_path)
    found = load(file)
    assert (found.first, found.last) == (shelf.first, shelf.last)
    for name, values in shelf.segment._asdict().items():
        read = getattr(found.segment, name)
        np.testing.assert_array_equal(read, values)
        # Anything else would be compiled once more for what is read.
        assert (type(read), read.dtype) == (type(values), values.dtype)
        assert read.flags.writeable
        assert read.flags.c_contiguous
    assert file in segment_files(tmp_path)
    assert not list(tmp_path.glob("*.new"))


@pytest.fixture
def file(tmp_path: Path) -> SegmentFile:
    rows = [[[1], [2], [3]], [[2, 4], [3]], [[5], [1]]]
    return save(shelf_of(rows), tmp_path)


def test_a_changed_byte_is_noticed(file: SegmentFile) -> None:
    intact = load(file).segment
    data = file.path.read_bytes()
    seen = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        file.path.write_bytes(changed)
        try:
            found = load(file).segment
        except Damaged:
            seen += 1
        else:  # nothing but what fills up to the next array may be changed unnoticed
            for name in intact._fields:
                np.testing.assert_array_equal(getattr(found, name), getattr(intact, name))
    assert seen > len(data) // 2


def test_a_file_that_is_cut_off_is_noticed(file: SegmentFile) -> None:
    data = file.path.read_bytes()
    for size in (0, 5, 40, 300, len(data) // 2, len(data) - 400):
        file.path.write_bytes(data[:size])
        with pytest.raises(Damaged):
            load(file)


def test_a_file_under_another_name_is_noticed(file: SegmentFile) -> None:
    other = SegmentFile(4, 6, file.path.rename(file.path.with_name("4-6.segment")))
    with pytest.raises(Damaged, match="other patterns"):
        load(other)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    with pytest.raises(OSError, match="in the way"):
        save(shelf_of([[[1], [2]]]), tmp_path / "in the way")
