"""``kato verify`` and ``kato rebuild`` on real stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Ran

import kato
from kato.cli import main
from kato.storage.ledger.connection import SHARD


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A memory with one pattern."""
    with kato.open(tmp_path / "data") as memory:
        memory.knowledge_base("it's").learn([["a"], ["b"]])
    return tmp_path / "data"


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    return Ran(int(ended.value.code or 0), *capsys.readouterr())


def test_verify(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = ran(capsys, "--data-dir", data, "verify")
    assert (done.code, done.out) == (0, "everything is as it should be\n")
    with kato.open(data) as memory:
        memory._engines.connection.command("HSET", f"{SHARD}:1", "patterns", 5)
    found = ran(capsys, "--data-dir", data, "verify", "--kb", "it's", "--json")
    assert found.code == 1
    assert found.json == {
        "ok": False,
        "differences": 1,
        "mended": 0,
        "listed": [
            {
                "check": "totals",
                "knowledge_base": "it's",
                "where": "patterns",
                "stored": "5",
                "expected": "1",
                "mended": None,
            }
        ],
    }
    mended = ran(capsys, "--data-dir", data, "verify", "--repair")
    assert mended.code == 1
    assert mended.out == (
        'totals: "it\'s", patterns: 5, should be 1; mended\n1 differences, 1 mended\n'
    )
    assert ran(capsys, "--data-dir", data, "verify").code == 0


def test_rebuild(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = ran(capsys, "--data-dir", data, "rebuild", "ledger")
    assert refused.code == 1
    assert "the ledger is not empty" in refused.err
    shutil.rmtree(data / "ledger")
    rebuilt = ran(capsys, "--data-dir", data, "rebuild", "ledger")
    assert (rebuilt.code, rebuilt.out) == (0, "rebuilt: 1 knowledge bases, 1 patterns\n")
    index = ran(capsys, "--data-dir", data, "rebuild", "index")
    assert (index.code, index.out) == (0, "rebuilt: 0 pattern ids in files\n")


def test_a_service_cannot_be_verified(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran(capsys, "--url", "http://127.0.0.1:1", "verify")
    assert done.code == 2
    assert "works on the stores" in done.err
