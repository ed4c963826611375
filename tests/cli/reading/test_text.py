from __future__ import annotations

from pathlib import Path

from tests.cli.items import accepted_lines, read_file, rejected, sequences


def test_a_sentence_is_a_sequence(tmp_path: Path) -> None:
    text = b"A TITLE\n\nNature's art, or\nmade-up? Yes.\n\n\nThe end"
    items = read_file(tmp_path / "a.txt", text, format_name="text")
    assert sequences(items) == [
        ["a", "title"],
        ["nature's", "art", ",", "or", "made", "-", "up", "?"],
        ["yes", "."],
        ["the", "end"],
    ]
    assert accepted_lines(items) == [1, 3, 4, 7]


def test_an_undecodable_line_is_left_out(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.txt", b"one\n\xff two\nthree\n", format_name="text")
    assert sequences(items) == [["one", "three"]]
    assert rejected(items) == [(2, "is not UTF-8: byte 0xff at position 0")]
