"""A data directory that cannot be written: an error that says so at once, and nothing is harmed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import kato
from kato.errors import StoreUnreadable

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    mount = ["mount", "--bind", str(folder), str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode()}")
    try:
        remount = ["mount", "-o", "remount,bind,ro", str(folder)]
        subprocess.run(remount, check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@pytest.mark.parametrize("part", ["", "ledger", "clickhouse"])
def test_what_cannot_be_written_is_not_opened(tmp_path: Path, part: str) -> None:
    data = tmp_path / "data"
    with kato.open(data) as memory:
        memory.knowledge_base().learn([["a"], ["b"]])
    folder = data / part
    with read_only(folder), pytest.raises(StoreUnreadable, match=r"cannot use .*; check its perm"):
        kato.open(data)
    with kato.open(data) as memory:
        assert memory.knowledge_base().predict([["a"]])[0].future == [["b"]]
