from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.items import accepted_lines, events, examples, read_file, rejected

from kato.cli.reading import Columns
from kato.errors import UnreadableInput
from kato.model.example import Example

SYMBOLS = st.text(st.characters(exclude_categories=["Cs"]))
SEQUENCES = st.lists(st.lists(st.lists(SYMBOLS, max_size=3), max_size=4), max_size=5)
NESTED = pa.list_(pa.list_(pa.string()))


def written(**columns: pa.Array[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@given(SEQUENCES)
def test_reading_inverts_writing(sequences: list[list[list[str]]]) -> None:
    with TemporaryDirectory() as folder:
        content = written(events=pa.array(sequences, NESTED))
        items = read_file(Path(folder) / "a.parquet", content)
    assert events(items) == sequences
    assert rejected(items) == []


@pytest.mark.parametrize(
    "emotives",
    [
        pa.array([[("joy", 1.0)], None], pa.map_(pa.string(), pa.float64())),
        pa.array([{"joy": 1.0}, None], pa.struct([("joy", pa.float64())])),
        pa.array([{"joy": 1.0, "fear": None}, {"joy": None}]),
    ],
)
def test_emotives_and_metadata_come_along(emotives: pa.Array[Any], tmp_path: Path) -> None:
    content = written(
        events=pa.array([[["a"]], [["b"]]], NESTED),
        emotives=emotives,
        metadata=pa.array([{"k": "v"}, None]),
        other=pa.array([1, 2]),
    )
    assert examples(read_file(tmp_path / "a.parquet", content)) == [
        Example([["a"]], {"joy": 1.0}, {"k": "v"}),
        Example([["b"]]),
    ]


def test_bad_nested_rows_are_named(tmp_path: Path) -> None:
    content = written(events=pa.array([[["a"]], None, [[None]], [["b"]]], NESTED))
    items = read_file(tmp_path / "a.parquet", content)
    assert accepted_lines(items) == [1, 4]
    assert rejected(items) == [
        (2, "Expected `array`, got `null` - at `$.events`"),
        (3, "Expected `str`, got `null` - at `$.events[0][0]`"),
    ]


def undecodable_texts(*texts: bytes) -> pa.Array[Any]:
    raw = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(texts), raw.buffers())


def test_undecodable_texts_are_bad_rows(tmp_path: Path) -> None:
    content = written(sequence=pa.array([1, 1, 1]), symbol=undecodable_texts(b"a", b"\xff", b"b"))
    items = read_file(tmp_path / "a.parquet", content)
    assert events(items) == [[["a"], ["b"]]]
    assert rejected(items) == [(2, "is not UTF-8: byte 0xff at position 0")]


@pytest.mark.parametrize(
    "symbols",
    [
        pa.array(["a", "b", "c"]),
        pa.array(["a", "b", "c"], pa.large_string()),
        pa.array(["a", "b", "c"]).dictionary_encode(),
        pa.array([b"a", b"b", b"c"]),
    ],
)
def test_long_form(symbols: pa.Array[Any], tmp_path: Path) -> None:
    times = [dt.datetime(2020, 1, day, tzinfo=dt.UTC) for day in (3, 1, 2)]
    content = written(
        symbol=symbols, unused=symbols, order=pa.array(times), sequence=pa.array([7] * 3)
    )
    assert events(read_file(tmp_path / "a.parquet", content)) == [[["b"], ["c"], ["a"]]]


def test_long_form_by_name_and_position(tmp_path: Path) -> None:
    content = written(
        page=pa.array(["a", "", None]), user=pa.array([1, 1, 1]), visit=pa.array([5, 5, 5])
    )
    columns = Columns(sequence="user", symbol="1", event="visit")
    items = read_file(tmp_path / "a.parquet", content, columns=columns)
    assert events(items) == [[["a", ""]]]
    assert rejected(items) == [(3, "the symbol is empty")]


@pytest.mark.parametrize("content", [b"PAR1 and no more", b"", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_no_parquet_at_all(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no readable Parquet file"):
        read_file(tmp_path / "a.parquet", content)


def test_a_column_that_is_not_there_stops(tmp_path: Path) -> None:
    content = written(a=pa.array([1]), b=pa.array([2]))
    with pytest.raises(UnreadableInput, match="has no column 'c'; it has 'a', 'b'"):
        read_file(tmp_path / "a.parquet", content, columns=Columns(symbol="c"))
