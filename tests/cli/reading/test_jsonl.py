from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.items import accepted_lines, examples, read_file, rejected

from kato.model.example import Example

SYMBOLS = st.text(st.characters(exclude_categories=["Cs"]))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EXAMPLES = st.builds(
    Example,
    st.lists(st.lists(SYMBOLS, max_size=3), max_size=4),
    st.dictionaries(SYMBOLS, FINITE, max_size=2),
    st.dictionaries(SYMBOLS, st.none() | SYMBOLS | st.integers(-9, 9), max_size=2),
)


@given(st.lists(EXAMPLES, max_size=4), st.booleans())
def test_reading_inverts_writing(written: list[Example], ascii_only: bool) -> None:
    lines = [
        json.dumps(
            {"events": e.events, "emotives": e.emotives, "metadata": e.metadata},
            ensure_ascii=ascii_only,
        )
        for e in written
    ]
    with TemporaryDirectory() as folder:
        items = read_file(Path(folder) / "a.jsonl", "\n".join(lines).encode())
    assert examples(items) == written
    assert rejected(items) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('[["a"], ["b", "c"]]', Example([["a"], ["b", "c"]])),
        ('{"events": [["a"]]}', Example([["a"]])),
        ('{"events": [], "emotives": null, "metadata": null}', Example([])),
        ('{"events": [["a"]], "emotives": {"joy": 1}}', Example([["a"]], {"joy": 1.0})),
        ('{"events": [], "metadata": {"k": [1]}}', Example([], {}, {"k": [1]})),
        ('[["\\u0000", "\\ud83d\\ude42", ""]]', Example([["\x00", "🙂", ""]])),
    ],
)
def test_accepted(line: str, expected: Example, tmp_path: Path) -> None:
    assert examples(read_file(tmp_path / "a.jsonl", line.encode())) == [expected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b'["a", "b"]', "Expected `array`, got `str`"),
        (b'{"events": [["a", 1]]}', "Expected `str`, got `int` - at `$.events[0][1]`"),
        (b'{"emotives": {}}', "missing required field `events`"),
        (b'{"events": [], "emotive": {}}', "unknown field `emotive`"),
        (b'{"events": [], "emotives": {"joy": "much"}}', "Expected `float`, got `str`"),
        (b'{"events": [], "emotives": {"joy": 1e999}}', "out of range"),
        (b'{"events": [], "emotives": {"joy": NaN}}', "invalid"),
        (b'"text"', "got `str`"),
        (b'[["a\\ud800b"]]', ""),
        (b'[["\xff"]]', "is not UTF-8: byte 0xff at position 3"),
        (b'{"events": [], "metadata": {"k": ' + b"[" * 100_000, ""),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(line: bytes, reason: str, tmp_path: Path) -> None:
    good = b'[["a"], ["b"]]\n'
    items = read_file(tmp_path / "a.jsonl", good + line + b"\n\n" + good)
    assert accepted_lines(items) == [1, 4]
    ((number, text),) = rejected(items)
    assert number == 2
    assert reason in text
    assert text


def test_metadata_may_be_anything(tmp_path: Path) -> None:
    metadata: dict[str, Any] = {"a": {"b": [None, 1.5, "c"]}}
    line = json.dumps({"events": [], "metadata": metadata}).encode()
    assert examples(read_file(tmp_path / "a.jsonl", line))[0].metadata == metadata
