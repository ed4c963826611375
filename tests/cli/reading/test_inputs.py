from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from tests.cli.items import read_file, rejected, sequences

from kato.cli.reading import Accepted, Columns, Inputs, Item, Source, guess_format
from kato.errors import UnreadableInput


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b"", "jsonl"),
        ("a.NDJSON", b"", "jsonl"),
        ("a.csv", b"", "table"),
        ("a.tsv.gz", b"", "table"),
        ("a.parquet", b"", "parquet"),
        ("a.pq", b"", "parquet"),
        ("a.spmf", b"", "spmf"),
        ("a.dat", b"", "lines"),
        ("a.dat", b"a b c\n", "lines"),
        ("a.dat", b"[a] b\n", "lines"),
        ("a.dat", b"1 -1 2 -1 -2\n", "spmf"),
        ("a.dat", b"1 2 -1 -2\n", "spmf"),
        ("a.dat", b"# x\n\n@y\n1 -2\r\n", "spmf"),
        ("a.dat", b"5 -1 " * 20_000, "spmf"),
        ("a.dat", b"\n" + b'{"events": []}\n', "jsonl"),
        ("a.dat", b'[["a"]]\n', "jsonl"),
        ("a.dat", b"PAR1\x15", "parquet"),
        ("a", gzip.compress(b"1 -1 -2\n", mtime=0), "spmf"),
    ],
)
def test_the_format_is_guessed(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with Source(str(path)) as source:
        assert guess_format(source, Columns()) == expected


def test_asking_for_columns_means_a_table(tmp_path: Path) -> None:
    items = read_file(tmp_path / "a.dat", b"1 x a\n1 y b\n", columns=Columns(symbol="3"))
    assert sequences(items) == [["a", "b"]]


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt"])
def test_gzip_is_seen_from_its_bytes(name: str, tmp_path: Path) -> None:
    assert sequences(read_file(tmp_path / name, gzip.compress(b"a b\nc d\n"))) == [
        ["a", "b"],
        ["c", "d"],
    ]


def test_truncated_gzip_is_named_and_the_next_file_goes_on(tmp_path: Path) -> None:
    broken, whole = tmp_path / "broken.gz", tmp_path / "whole"
    broken.write_bytes(gzip.compress(b"a b\n" * 100_000)[:-20])
    whole.write_bytes(b"c d\n")
    items = list(Inputs([str(broken), str(whole)]))
    ((_, reason),) = rejected(items)
    assert "cannot be read further" in reason
    assert sequences(items)[-1] == ["c", "d"]


@pytest.mark.parametrize("path", ["/nowhere/at/all", "", "nul\x00byte", "."])
def test_what_cannot_be_opened_is_found_before_reading(path: str, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(b"a b\n")
    with pytest.raises(UnreadableInput, match="cannot be read"):
        Inputs([str(good), path])


def read_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[Item]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    inputs = Inputs(["-"])
    assert inputs.size is None
    return list(inputs)


TEXTS = [b"a b\n", gzip.compress(b"a b\n", mtime=0), b'[["a"], ["b"]]\n']


@pytest.mark.parametrize("content", TEXTS)
def test_standard_input(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    items = read_standard_input(monkeypatch, content)
    assert sequences(items) == [["a", "b"]]
    assert [item.file for item in items] == ["-"]


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a b\nc d\n",))
    writer.start()
    items = list(Inputs([str(path)]))
    writer.join()
    assert sequences(items) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"a b\n" * 50_000),
        ("a.txt.gz", gzip.compress(os.urandom(100_000).hex().encode())),
        ("a.csv", b"".join(b"%d,a\n" % (row % 1000) for row in range(50_000))),
    ],
)
def test_consumed_grows_to_the_size(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    inputs = Inputs([str(path), str(path)])
    assert inputs.size == 2 * len(content)
    seen = [inputs.consumed for item in inputs if isinstance(item, Accepted)]
    assert seen == sorted(seen)
    assert inputs.consumed == inputs.size
