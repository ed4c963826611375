from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.service.serving import serving
from tests.storage.stores import TcpValkey, embedded

from kato.cli import checkup
from kato.memory import open_memory
from kato.storage.embedded.directory import DataDirectory


def ran(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kato", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the start of engines, which one test does."""
    monkeypatch.setattr(checkup, "engines", lambda: iter(()))


@pytest.mark.deep
def test_a_setup_that_is_well(tmp_path: Path) -> None:
    done = ran("--data-dir", str(tmp_path / "new"), "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problem" not in done.stdout
    for check in ("python", "packages", "settings", "data directory", "room", "engines", "kernels"):
        assert f"ok      {check}: " in done.stdout
    assert not (tmp_path / "new").exists()


def test_a_setting_that_cannot_be_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KATO_RECALL_PLAN", "guess")
    done = run("doctor")
    assert done.code == 1
    assert "problem settings: " in done.out
    assert "KATO_RECALL_PLAN" in done.out


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--data-dir", str(tmp_path / "file" / "data"), "doctor", "--json")
    assert done.code == 1
    found = {each["check"]: each for each in done.json["findings"]}
    assert not done.json["ok"]
    assert not found["data directory"]["ok"]
    assert "KATO_DATA_DIR" in found["data directory"]["remedy"]
    assert found["python"]["ok"]


@pytest.mark.usefixtures("quick")
def test_little_room(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LEAST_FREE", 1 << 60)
    done = run("--data-dir", str(tmp_path), "doctor")
    assert done.code == 1
    assert "free some space" in done.out


@pytest.mark.usefixtures("quick")
def test_who_has_the_data_directory(run: Run, tmp_path: Path) -> None:
    with DataDirectory(tmp_path) as directory:
        directory.announce(f"http://127.0.0.1:{closed_port()}")
        done = run("--data-dir", str(tmp_path), "doctor")
    assert f"open in process {os.getpid()}, which serves it at http://127.0.0.1:" in done.out
    assert "problem service: no service answers at" in done.out
    assert "no process has it open" in run("--data-dir", str(tmp_path), "doctor").out


@pytest.mark.usefixtures("quick")
def test_a_service(run: Run, tmp_path: Path) -> None:
    backend = embedded(tmp_path)
    with open_memory(settings=backend.settings) as memory, serving(backend.settings, memory) as url:
        done = run("--data-dir", str(tmp_path / "other"), "--url", url, "doctor")
        assert done.code == 0, done.out
        assert f"ok      service: {url} is ready" in done.out
        os.kill(_valkey(tmp_path), signal.SIGKILL)
        done = run("--data-dir", str(tmp_path / "other"), "--url", url, "doctor")
        assert done.code == 1
        assert "problem service: ledger: " in done.out


def _valkey(folder: Path) -> int:
    return int((folder / "data" / "ledger" / "valkey.pid").read_text())


@pytest.mark.usefixtures("quick")
def test_servers_by_url(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = TcpValkey(tmp_path)
    try:
        monkeypatch.setenv("KATO_REDIS_URL", server.url.replace("//", "//:secret@"))
        monkeypatch.setenv("KATO_CLICKHOUSE_URL", f"http://127.0.0.1:{closed_port()}")
        failed = run("doctor")
        assert "secret" not in failed.out
        assert failed.code == 1
        monkeypatch.setenv("KATO_REDIS_URL", server.url)
        done = run("doctor", "--json")
    finally:
        server.stop()
    found = {each["check"]: each for each in done.json["findings"]}
    assert found["redis server"]["message"].startswith("valkey ")
    assert found["redis persistence"]["ok"]
    assert not found["clickhouse server"]["ok"]
    assert "data directory" not in found


@pytest.mark.usefixtures("quick")
def test_kernels_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    script = (
        "import json, msgspec\nfrom kato.cli.checkup import kernels\n"
        "print(msgspec.json.encode(list(kernels())).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KATO_CACHE_DIR": str(tmp_path / "file")},
    )
    (found,) = json.loads(done.stdout.splitlines()[-1])
    assert (found["check"], found["ok"]) == ("kernels", False)
