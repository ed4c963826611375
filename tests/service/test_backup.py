"""A backup of a service that serves on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.service.serving import serving
from tests.storage import stores

import kato
from kato.cli import main
from kato.client.backup import fetch_backup
from kato.errors import AccessDenied, InvalidInput, ServiceUnavailable
from kato.service.keys import Key, hash_of, json_line
from kato.service.workplace import Workplace
from kato.settings import Settings
from kato.storage.ledger.hold import Hold
from kato.upkeep.restore import restore


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return stores.settings(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def memory(settings: Settings) -> Iterator[kato.Memory]:
    with kato.open(settings=settings) as memory:
        memory.knowledge_base("letters").learn([["a"], ["b"]])
        yield memory


@pytest.fixture(scope="module")
def served(settings: Settings, memory: kato.Memory) -> Iterator[str]:
    with serving(settings, memory) as url:
        yield url


def test_the_command_asks_the_service(
    served: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--url", served, "backup", str(tmp_path / "a.tar")])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "a.tar"))
    end = time.monotonic() + 30
    while list(settings.cache_dir.glob("backup-*")):  # it goes once all of it is sent
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.deep
def test_what_is_sent_can_be_restored(served: str, tmp_path: Path) -> None:
    assert fetch_backup(served, None, tmp_path / "a.tar") > 5000
    with (
        stores.clickhouse_url(tmp_path / "clickhouse") as clickhouse,
        stores.redis_url(tmp_path) as redis,
    ):
        target = stores.settings(tmp_path, clickhouse=clickhouse, redis=redis)
        restore(tmp_path / "a.tar", target)
        with kato.open(settings=target) as restored:
            assert restored.knowledge_base("letters").predict([["a"]])[0].future == [["b"]]


def test_what_a_killed_service_left_is_removed(tmp_path: Path) -> None:
    program = """
import os, pathlib, sys
from kato.service.workplace import Workplace
place = Workplace(pathlib.Path(sys.argv[1]), "backup")
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert killed.returncode == -9
    (left,) = tmp_path.glob("backup-*")
    one = Workplace(tmp_path, "backup")
    two = Workplace(tmp_path, "backup")
    assert set(tmp_path.glob("backup-*")) == {one.folder, two.folder} != {left}
    one.remove()
    two.remove()
    assert not list(tmp_path.glob("backup-*"))


def test_one_at_a_time(served: str, memory: kato.Memory, settings: Settings) -> None:
    with Hold(memory.ledger()):
        answer = httpx.post(f"{served}/backup", timeout=60)
    assert (answer.status_code, "another backup" in answer.text) == (409, True)
    assert not list(settings.cache_dir.glob("backup-*"))


def test_what_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ends in \.tar"):
        fetch_backup("http://127.0.0.1:1", None, tmp_path / "folder")
    with pytest.raises(ServiceUnavailable, match="no service answers"):
        fetch_backup("http://127.0.0.1:1", None, tmp_path / "a.tar")
    assert not list(tmp_path.iterdir())


def test_a_key_needs_the_right_to_write_everywhere(
    settings: Settings, memory: kato.Memory, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.jsonl"
    reader = Key(name="reader", rights=("read",))
    keys.write_text(json_line(hash_of("secret"), reader))
    asking = msgspec.structs.replace(settings, api_keys_file=keys)
    with serving(asking, memory) as url, pytest.raises(AccessDenied, match="no right to write"):
        fetch_backup(url, "secret", tmp_path / "a.tar")
