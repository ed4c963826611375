"""A data directory that cannot be written: an error that says so at once, and nothing is harmed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage.disks import can_mount, read_only

import kato
from kato.errors import StoreUnreadable

pytestmark = pytest.mark.skipif(not can_mount(), reason="mounting needs root")


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
