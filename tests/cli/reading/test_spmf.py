from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.items import events, read_file, rejected

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"))
SEQUENCES = st.lists(
    st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4), max_size=5
)


def written(sequences: list[list[list[str]]]) -> bytes:
    """Sequences in SPMF, every symbol an item with a name: the inverse of reading."""
    symbols = sorted({symbol for events in sequences for event in events for symbol in event})
    items = {symbol: str(number) for number, symbol in enumerate(symbols, start=1)}
    lines = [f"@ITEM={number}={symbol}" for symbol, number in items.items()]
    for sequence in sequences:
        words = [" ".join(items[symbol] for symbol in event) + " -1" for event in sequence]
        lines.append(" ".join(words) + " -2")
    return "\n".join(lines).encode()


@given(SEQUENCES)
def test_reading_inverts_writing(sequences: list[list[list[str]]]) -> None:
    with TemporaryDirectory() as folder:
        items = read_file(Path(folder) / "a.spmf", written(sequences))
    assert events(items) == sequences
    assert rejected(items) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"1 -1 2 3 -1 -2\n", [[["1"], ["2", "3"]]]),
        (b"1 -1 2 -2\n", [[["1"], ["2"]]]),
        (b"1 -1 -2 2 -1 -2\n", [[["1"]], [["2"]]]),
        (b"# comment\n% too\n@CONVERTED_FROM_TEXT\n\n1 -1 -2", [[["1"]]]),
        (b"@ITEM=1=red apple\n@ITEM=-1=never\n1 -1 2 -1 -2\n", [[["red apple"], ["2"]]]),
        (b"@ITEM=1==\n1 -1 -2\n", [[["="]]]),
        (b"-2\n", [[]]),
    ],
)
def test_accepted(content: bytes, expected: list[list[list[str]]], tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.spmf", content)
    assert events(items) == expected
    assert rejected(items) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1 -1 2 -1", "does not end with -2"),
        (b"1 -1 -2 2", "does not end with -2"),
        (b"1 -1 -1 -2", "-1 ends an event without symbols"),
        (b"-1 -2", "-1 ends an event without symbols"),
        (b"\xff -1 -2", "is not UTF-8: byte 0xff at position 0"),
        (b"@ITEM=1", "@ITEM has no name: write @ITEM=7=apple"),
        (b"@ITEM=1=\xff", "is not UTF-8: byte 0xff at position 0"),
    ],
)
def test_a_bad_line_gives_nothing_and_the_rest_goes_on(
    line: bytes, reason: str, tmp_path: Path
) -> None:
    items = read_file(tmp_path / "a.spmf", b"1 -1 -2\n" + line + b"\n2 -1 -2\n")
    assert events(items) == [[["1"]], [["2"]]]
    assert rejected(items) == [(2, reason)]
