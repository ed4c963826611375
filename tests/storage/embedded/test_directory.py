"""A data directory has one owner, and nothing else is taken for one."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.storage.embedded.processes import other

from kato.errors import KatoError, StoreFull, StoreInUse, StoreTooNew, StoreUnreadable
from kato.storage.embedded.directory import FORMAT, DataDirectory, owner_of

OWNS = """
import sys
from pathlib import Path
from kato.storage.embedded.directory import DataDirectory
directory = DataDirectory(Path(sys.argv[1]))
if len(sys.argv) > 2:
    directory.announce(sys.argv[2])
print("owned", flush=True)
sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "a" / "b") as directory:
        folders = (directory.path, directory.ledger, directory.clickhouse)
        assert [oct(folder.stat().st_mode & 0o777) for folder in folders] == ["0o700"] * 3


def test_it_is_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        with DataDirectory(tmp_path) as directory:
            (directory.ledger / "kept").touch()
    assert (tmp_path / "ledger" / "kept").exists()


def test_another_process_is_named(tmp_path: Path) -> None:
    with other(OWNS, tmp_path) as owner:
        assert owner.line() == "owned"
        with pytest.raises(StoreInUse, match=f"process {owner.process.pid}; .*KATO_DATA_DIR"):
            DataDirectory(tmp_path)
        owner.signal(signal.SIGKILL)
        DataDirectory(tmp_path).close()


def test_a_served_directory_names_its_address(tmp_path: Path) -> None:
    with other(OWNS, tmp_path, "http://here:8000") as owner:
        assert owner.line() == "owned"
        with pytest.raises(StoreInUse, match="at http://here:8000; talk to it there"):
            DataDirectory(tmp_path)


def test_a_process_owns_it_once(tmp_path: Path) -> None:
    with DataDirectory(tmp_path):
        with pytest.raises(StoreInUse, match="already open in this process"):
            DataDirectory(tmp_path)
        owner = owner_of(tmp_path)
        assert owner is not None
        assert owner.pid == os.getpid()
    DataDirectory(tmp_path).close()


def test_a_link_is_the_same_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with DataDirectory(tmp_path / "data"), pytest.raises(StoreInUse):
        DataDirectory(tmp_path / "link")


@pytest.mark.parametrize("text", ["", "not json", "{}", '{"pid": "x"}', "\0"])
def test_an_owner_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    with DataDirectory(tmp_path):
        (tmp_path / "lock").write_text(text)
        with pytest.raises(StoreInUse, match="in use by another process"):
            DataDirectory(tmp_path)


def test_nobody_ever_owned_it(tmp_path: Path) -> None:
    assert owner_of(tmp_path) is None


def test_foreign_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(StoreUnreadable, match=r"not empty and no data directory.*--data-dir"):
        DataDirectory(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("left", [["lock"], ["lock", "format.new"], []])
def test_a_first_start_that_was_cut_off(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).touch()
    DataDirectory(tmp_path).close()
    assert (tmp_path / "format").read_text() == f"{FORMAT}\n"


@pytest.mark.parametrize("text", [str(FORMAT + 1), "999\n"])
def test_a_newer_release_wrote_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "format").write_text(text)
    with pytest.raises(StoreTooNew, match=f"format {text.strip()}, this release knows {FORMAT}"):
        DataDirectory(tmp_path)


@pytest.mark.parametrize("text", ["", "one", "-1", "1.0", "\0\0"])
def test_a_format_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "format").write_text(text)
    with pytest.raises(StoreUnreadable, match="instead of a number"):
        DataDirectory(tmp_path)


def test_what_is_refused_is_not_owned(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("999")
    for _ in range(2):
        with pytest.raises(StoreTooNew):
            DataDirectory(tmp_path)


def test_a_path_that_chdb_would_cut(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreadable, match=r"what follows a \? for options"):
        DataDirectory(tmp_path / "what?" / "data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_is_no_directory(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StoreUnreadable, match=r"cannot use .*file.*KATO_DATA_DIR"):
        DataDirectory(file / below)


@as_root
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path], check=True)  # noqa: S607
    try:
        with pytest.raises(StoreUnreadable, match="Read-only file system; check its permissions"):
            DataDirectory(tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)  # noqa: S607


@as_root
def test_a_full_disk(tmp_path: Path) -> None:
    options = "size=64k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", tmp_path], check=True)  # noqa: S607
    try:
        filling = tmp_path.joinpath("data", "clickhouse", "filling")
        filling.parent.mkdir(parents=True)
        (tmp_path / "data" / "lock").touch()
        with pytest.raises(OSError, match="No space"):
            filling.write_bytes(b"x" * (1 << 20))
        filling.rename(tmp_path / "filling")
        filling.parent.rmdir()
        with pytest.raises(StoreFull, match="no space left"):
            DataDirectory(tmp_path / "data")
        (tmp_path / "filling").unlink()
        DataDirectory(tmp_path / "data").close()
    finally:
        subprocess.run(["umount", tmp_path], check=True)  # noqa: S607


def test_every_refusal_is_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(KatoError):
        DataDirectory(tmp_path / ("x" * 300))
