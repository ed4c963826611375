"""The embedded Valkey: started, found again, replaced when it hangs, never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from tests.storage.embedded.processes import end, ends, is_running, other

from kato.errors import StoreUnavailable, StoreUnreadable
from kato.storage.embedded import valkey
from kato.storage.embedded.valkey import EmbeddedValkey

STARTS = """
import sys
from pathlib import Path
import redis
from kato.storage.embedded.valkey import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]))
redis.Redis(unix_socket_path=str(server.socket)).set("mark", "left")
print(server.pid, flush=True)
sys.stdin.read()
"""

FOLDERS = {
    "blank": "with a blank",
    "quotes": 'it\'s "quoted"',
    "backslash": "back\\slash",
    "newline": "two\nlines",
    "unicode": "Zürich ☃ 👩‍👩‍👧‍👦",
    "placeholder": "{socket} %s $HOME",
    "options": "a&b=c#d%20e;f:g",
    "long": "/".join(["a" * 100] * 4),
}
folders = pytest.mark.parametrize("name", FOLDERS.values(), ids=FOLDERS.keys())


def asked(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(server.socket), decode_responses=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ledger"
    folder.mkdir()
    return folder


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of the test's own, short as a socket's path must be."""
    runtime = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    yield runtime
    shutil.rmtree(runtime)


@pytest.fixture
def orphan(folder: Path) -> Iterator[int]:
    """A server whose owner was killed."""
    with other(STARTS, folder) as owner:
        pid = int(owner.line())
        owner.signal(signal.SIGKILL)
    assert is_running(pid)
    yield pid
    end(pid)


def test_it_listens_on_a_socket_of_this_user_alone(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    with asked(server) as client:
        settings = client.config_get("port", "appendonly", "appendfsync", "unixsocketperm")
    assert settings == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "unixsocketperm": "700",
    }
    assert oct(server.socket.stat().st_mode & 0o777) == "0o700"
    assert oct(server.socket.parent.stat().st_mode & 0o777) == "0o700"
    server.stop()


def test_it_is_stopped(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    assert is_running(server.pid)
    server.stop()
    assert not is_running(server.pid)
    server.stop()


def test_what_was_answered_is_there_after_a_crash(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    with asked(server) as client:
        for i in range(100):
            client.set(str(i), i)
        os.kill(server.pid, signal.SIGKILL)
    assert ends(server.pid)
    server.stop()
    again = EmbeddedValkey(folder)
    with asked(again) as client:
        assert client.dbsize() == 100
    again.stop()


@folders
def test_any_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir(parents=True)
    for i in range(2):
        server = EmbeddedValkey(folder)
        with asked(server) as client:
            assert client.incr("starts") == i + 1
        server.stop()
    assert len(os.fsencode(server.socket)) < 104
    assert (folder / "appendonlydir").is_dir()


def test_a_left_server_is_taken_over(folder: Path, orphan: int) -> None:
    server = EmbeddedValkey(folder)
    assert server.pid == orphan
    with asked(server) as client:
        assert client.get("mark") == "left"
    began = time.monotonic()
    server.stop()
    assert not is_running(orphan)
    assert time.monotonic() - began < 2


def test_a_left_server_is_found_from_another_runtime_folder(
    folder: Path, orphan: int, runtime: Path
) -> None:
    server = EmbeddedValkey(folder)
    assert server.pid == orphan
    server.stop()
    again = EmbeddedValkey(folder)
    assert again.socket.is_relative_to(runtime)
    with asked(again) as client:
        assert client.get("mark") == "left"
    again.stop()


def test_a_hung_server_is_replaced(
    folder: Path, orphan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "SILENCE", 0.5)
    os.kill(orphan, signal.SIGSTOP)
    server = EmbeddedValkey(folder)
    assert server.pid != orphan
    assert not is_running(orphan)
    with asked(server) as client:
        assert client.get("mark") == "left"
    server.stop()


def test_a_left_server_whose_socket_was_swept_away_is_replaced(
    folder: Path, orphan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "SILENCE", 0.5)
    Path((folder / "valkey.socket").read_text()).unlink()
    server = EmbeddedValkey(folder)
    assert server.pid != orphan
    assert not is_running(orphan)
    with asked(server) as client:
        assert client.get("mark") == "left"
    server.stop()


def test_a_left_server_that_died_is_started_again(folder: Path, orphan: int) -> None:
    os.kill(orphan, signal.SIGKILL)
    assert ends(orphan)
    server = EmbeddedValkey(folder)
    assert server.pid != orphan
    with asked(server) as client:
        assert client.get("mark") == "left"
    server.stop()


def test_stopping_a_server_that_was_taken_over_and_died(folder: Path, orphan: int) -> None:
    """Signals nobody: process 0 would be this whole group of processes."""
    server = EmbeddedValkey(folder)
    os.kill(orphan, signal.SIGKILL)
    assert ends(orphan)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 1


def test_stopping_a_server_that_died(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    os.kill(server.pid, signal.SIGKILL)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 1


def test_stopping_a_server_that_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "SILENCE", 0.5)
    monkeypatch.setattr(EmbeddedValkey._client, "__defaults__", (0.3,))
    server = EmbeddedValkey(folder)
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert not is_running(server.pid)


def test_a_process_nobody_waited_for_is_not_alive() -> None:
    """Where nobody waits for orphans, an ended server keeps its process id for ever."""
    with subprocess.Popen(["true"]) as process:  # noqa: S607
        assert ends(process.pid)
        assert Path(f"/proc/{process.pid}").exists()
        assert not valkey._is_alive(process.pid)


@pytest.mark.parametrize("text", ["", "0", "-1", "pid", "our own", "999999999"])
def test_a_process_id_that_is_somebody_elses(folder: Path, text: str) -> None:
    """A process id may be given again: what runs under it is not touched."""
    EmbeddedValkey(folder).stop()
    text = str(os.getpid()) if text == "our own" else text
    (folder / "valkey.pid").write_text(text)
    server = EmbeddedValkey(folder)
    assert str(server.pid) != text
    server.stop()


def test_a_start_that_fails_says_why(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    with asked(server) as client:
        client.set("a", "b")
    server.stop()
    for file in (folder / "appendonlydir").iterdir():
        file.write_text("not what it was")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"does not run: .*valkey\.log"):
        EmbeddedValkey(folder)
    assert time.monotonic() - began < 5
    assert not is_running(server.pid)


def test_an_old_reason_is_not_told_again(folder: Path) -> None:
    (folder / "valkey.log").write_text("Short write: No space left on device\n")
    server = EmbeddedValkey(folder)
    os.kill(server.pid, signal.SIGKILL)
    assert isinstance(server.reason_of_death(), StoreUnavailable)
    server.stop()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_runtime_folder_open_to_others(folder: Path, runtime: Path, mode: int) -> None:
    (runtime / "kato").mkdir()
    (runtime / "kato").chmod(mode)
    with pytest.raises(StoreUnreadable, match="not this user's alone; remove it"):
        EmbeddedValkey(folder)


def test_a_runtime_folder_that_is_a_link(folder: Path, runtime: Path) -> None:
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "kato").symlink_to(runtime / "elsewhere")
    with pytest.raises(StoreUnreadable, match="not this user's alone"):
        EmbeddedValkey(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_runtime_folder_of_somebody_else(folder: Path, runtime: Path) -> None:
    (runtime / "kato").mkdir(mode=0o700)
    os.chown(runtime / "kato", 65534, 65534)
    with pytest.raises(StoreUnreadable, match="not this user's alone"):
        EmbeddedValkey(folder)


@pytest.mark.parametrize("place", ["", "/no/such/folder", "/" + "x" * 200])
def test_a_runtime_folder_that_cannot_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A place that others may know is taken then, checked as any."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", place)
    server = EmbeddedValkey(folder)
    assert len(os.fsencode(server.socket)) < 104
    server.stop()


def test_a_server_that_has_not_told_its_process_id_is_waited_for(folder: Path) -> None:
    """As one is left whose parent was killed right behind its start."""
    server = EmbeddedValkey(folder)
    told = (folder / "valkey.pid").read_text()
    (folder / "valkey.pid").unlink()
    timer = threading.Timer(0.3, (folder / "valkey.pid").write_text, (told,))
    timer.start()
    again = EmbeddedValkey(folder)
    timer.join()
    assert again.pid == server.pid
    again.stop()
    server.stop()


def test_no_server_is_started_beside_one_that_never_tells(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedValkey(folder)
    told = (folder / "valkey.pid").read_text()
    (folder / "valkey.pid").unlink()
    monkeypatch.setattr(valkey, "START_TIMEOUT", 0.3)
    with pytest.raises(StoreUnavailable, match="holds"):
        EmbeddedValkey(folder)
    (folder / "valkey.pid").write_text(told)
    server.stop()
