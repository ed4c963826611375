from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.items import accepted_lines, read_file, rejected, sequences


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n \n\t\n", []),
        (b"a b c\n", [["a", "b", "c"]]),
        (b"a b c", [["a", "b", "c"]]),
        (b"  a\t b  \r\nc d\r\n", [["a", "b"], ["c", "d"]]),
        (b"\xef\xbb\xbfa b\n", [["a", "b"]]),
        ('it\'s "q" \\ é 🙂\n'.encode(), [["it's", '"q"', "\\", "é", "🙂"]]),
        ("no\u00a0break wide\u3000blank\n".encode(), [["no\u00a0break", "wide\u3000blank"]]),
        ("line\u2028separator \x85next\n".encode(), [["line\u2028separator", "\x85next"]]),
        (b"nul\x00inside b\n", [["nul\x00inside", "b"]]),
        (b"x" * 100_000 + b" y\n", [["x" * 100_000, "y"]]),
    ],
)
def test_symbols_by_ascii_blanks(content: bytes, expected: list[list[str]], tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.txt", content)
    assert sequences(items) == expected
    assert rejected(items) == []


def test_a_bad_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.txt", b"a b\nc caf\xe9 d\n\ne f\n")
    assert sequences(items) == [["a", "b"], ["e", "f"]]
    assert accepted_lines(items) == [1, 4]
    assert rejected(items) == [(2, "is not UTF-8: byte 0xe9 at position 5")]


def test_lone_surrogates_written_as_bytes_are_no_utf8(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.txt", b"a \xed\xa0\x80\n")
    assert rejected(items) == [(1, "is not UTF-8: byte 0xed at position 2")]
