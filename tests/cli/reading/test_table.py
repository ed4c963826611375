from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.items import accepted_lines, events, read_file, rejected, sequences

from kato.cli.reading import Columns
from kato.errors import UnreadableInput


def read(path: Path, content: str, **columns: Any) -> list[list[list[str]]]:
    items = read_file(path, content.encode(), columns=Columns(**columns), format_name="table")
    assert rejected(items) == []
    return events(items)


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        ("1 a\n1 b\n2 c\n", {}, [[["a"], ["b"]], [["c"]]]),
        ("1\ta\n1\tb\n", {}, [[["a"], ["b"]]]),
        ("1;a\n1;b\n", {}, [[["a"], ["b"]]]),
        ("1,a\n2,c\n1,b\n", {}, [[["a"], ["b"]], [["c"]]]),
        ("sequence,symbol\n1,a\n1,b\n", {}, [[["a"], ["b"]]]),
        ("symbol,sequence\na,1\nb,1\n", {}, [[["a"], ["b"]]]),
        ("sequence,symbol\n1,a\n", {"header": False}, [[["symbol"]], [["a"]]]),
        ("x,y\n1,a\n", {"header": True}, [[["a"]]]),
        ("x,y\na,1\nb,1\n", {"sequence": "y", "symbol": "x"}, [[["a"], ["b"]]]),
        ("a,1\nb,1\n", {"sequence": "2", "symbol": "1"}, [[["a"], ["b"]]]),
        ("1|a\n1|b\n", {"delimiter": "|"}, [[["a"], ["b"]]]),
        ("1   a \n\n 1\t b\n", {"delimiter": " "}, [[["a"], ["b"]]]),
        ("1,a,10\n1,b,9\n", {"order": "3"}, [[["b"], ["a"]]]),
        ("1,a,10\n1,b,9x\n", {"order": "3"}, [[["a"], ["b"]]]),
        ("1,a,1\n1,b,1.0\n1,c,0\n", {"order": "3"}, [[["c"], ["a"], ["b"]]]),
        (
            "1,b,1700000000000000001\n1,a,1700000000000000000\n",
            {"order": "3"},
            [[["a"], ["b"]]],
        ),
        ("1,a,x\n1,b,y\n1,c,x\n", {"event": "3"}, [[["a", "c"], ["b"]]]),
        ("sequence,symbol,order,event\n1,a,2,x\n1,b,1,y\n1,c,3,x\n", {}, [[["b"], ["a", "c"]]]),
        ("s,1,t\ns,2,t\n", {"order": "2", "event": "3", "symbol": "2"}, [[["1", "2"]]]),
        (
            '1,"a,b"\n1,"say ""hi"""\n1,"two\nlines"\n',
            {},
            [[["a,b"], ['say "hi"'], ["two\nlines"]]],
        ),
        ("1,it's\n1,\u2028\n1,\x00\n", {}, [[["it's"], ["\u2028"], ["\x00"]]]),
        ("\ufeffsequence,symbol\n1,a\n", {}, [[["a"]]]),
        ("", {}, []),
        ("sequence,symbol\n", {}, []),
    ],
)
def test_accepted(
    content: str,
    columns: dict[str, Any],
    expected: list[list[list[str]]],
    tmp_path: Path,
) -> None:
    assert read(tmp_path / "a.csv", content, **columns) == expected


@pytest.mark.parametrize("delimiter", [",", " "])
def test_bad_rows_are_named_and_the_rest_goes_on(delimiter: str, tmp_path: Path) -> None:
    rows = [b"1,a", b"2", b"1,\xff", b"", b"1,b"]
    content = b"\n".join(rows).replace(b",", delimiter.encode())
    items = read_file(tmp_path / "a.csv", content, columns=Columns(delimiter=delimiter))
    assert sequences(items) == [["a", "b"]]
    assert rejected(items) == [
        (2, "has 1 columns, the symbol should be in column 2"),
        (3, f"is not UTF-8: byte 0xff at position {2 if delimiter == ',' else 0}"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1,", "the symbol is empty"),
        (b",a", "the sequence is empty"),
        (b'1,"a"b', "is no table row"),
    ],
)
def test_a_bad_row(row: bytes, reason: str, tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.csv", b"1,x\n" + row + b"\n1,y\n")
    assert sequences(items) == [["x", "y"]]
    ((line, text),) = rejected(items)
    assert line == 2
    assert reason in text


def test_an_open_quote_is_named_where_it_begins(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.csv", b'1,x\n1,"y\n1,z\n')
    assert sequences(items) == [["x"]]
    assert [line for line, _ in rejected(items)] == [2]


def test_lines_after_a_bad_one_keep_their_number(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.csv", b"\xff\n\xff\n7,a\n8,b\n")
    assert [line for line, _ in rejected(items)] == [1, 2]
    assert accepted_lines(items) == [3, 4]


@pytest.mark.parametrize("column", ["nothing", "0", "-1"])
def test_a_column_that_is_not_there_stops(column: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="has no column"):
        read_file(tmp_path / "a.csv", b"sequence,symbol\n1,a\n", columns=Columns(sequence=column))


def test_a_column_may_be_named_like_a_position(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "1,2\ns,a\n", header=True, symbol="1", sequence="2") == [
        [["s"]]
    ]
