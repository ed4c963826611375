"""The command line on top of a service, and the service that the command line starts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kato.client import connect
from kato.model.naming import pattern_name
from kato.storage.embedded.directory import owner_now

READY = re.compile(r"serving (http://127\.0\.0\.1:\d+) \(docs at \1/docs\), data in (.+)\n")


def kato(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kato", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment},
    )


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``kato serve`` on a free port; its address, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kato", "--data-dir", str(folder), "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        ready = READY.fullmatch(line)
        assert ready, line
        assert ready[2] == str(folder)
        yield ready[1], process
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "data"


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serve(folder) as (url, _):
        yield url


@pytest.fixture(params=[pytest.param("--url", marks=pytest.mark.deep), "--data-dir"])
def through(request: pytest.FixtureRequest, url: str, folder: Path) -> tuple[str, str]:
    """The options that lead to the service."""
    return request.param, url if request.param == "--url" else str(folder)


def test_every_command_talks_to_the_service(
    through: tuple[str, str], url: str, tmp_path: Path
) -> None:
    kb = f"kb {through[0]}"
    lines = tmp_path / "lines.txt"
    lines.write_text("a b c\na b d\na b c\nx\n")

    def told(*arguments: str) -> Any:
        done = kato(*through, *arguments)
        assert done.returncode == 0, done.stderr
        asked = f"is served by process {os.getppid()}"
        assert ("asking " + url in done.stderr) is (through[0] == "--data-dir"), asked
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    learned = told("learn", str(lines), "--kb", kb, "--json")
    assert [learned[key] for key in ("sequences", "new", "known", "too_short")] == [4, 2, 1, 1]
    name = pattern_name([["a"], ["b"], ["c"]])
    predicted = told("predict", "a", "b", "--kb", kb, "--json")
    assert predicted["predictions"][0]["name"] == name
    assert (
        "answered"
        in told("explain", "a", "--pattern", name, "--kb", kb, "--json")["verdict"]["reason"]
    )
    assert told("show", name, "--kb", kb, "--json")["frequency"] == 2
    statistics = told("stats", "--kb", kb, "--json")
    assert statistics["knowledge_bases"][kb]["patterns"] == 2
    assert statistics["symbols"][0] == {
        "name": "a",
        "frequency": 3,
        "pattern_member_frequency": 2,
        "affinity": {},
    }
    assert kb in told("stats")
    told("forget", name, "--kb", kb)
    assert told("stats", "--kb", kb, "--json")["knowledge_bases"][kb]["patterns"] == 1
    assert "1 patterns" in told("clear", "--yes", "--kb", kb)
    with connect(url) as memory:
        assert memory.knowledge_base(kb).stats().patterns == 0
    missing = kato(*through, "show", name, "--kb", "no such")
    assert missing.returncode == 1
    assert "there is no knowledge base" in missing.stderr


def test_the_environment_may_say_where_it_is(url: str) -> None:
    assert kato("stats", "--json", KATO_URL=url).returncode == 0
    failed = kato("stats", KATO_URL="http://127.0.0.1:9")
    assert failed.returncode == 1
    assert "error: no service answers at http://127.0.0.1:9" in failed.stderr


@pytest.mark.deep
def test_a_second_service_says_who_serves(url: str, folder: Path) -> None:
    second = kato("--data-dir", str(folder), "serve", "--port", "0")
    assert second.returncode == 1
    assert "is served by process" in second.stderr
    assert url in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_that_is_taken(url: str, tmp_path: Path) -> None:
    port = url.rpartition(":")[2]
    done = kato("--data-dir", str(tmp_path), "serve", "--port", port)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    "ending", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.deep)]
)
@pytest.mark.deep
def test_what_was_served_is_let_go(ending: signal.Signals, tmp_path: Path) -> None:
    with serve(tmp_path) as (url, process):
        with connect(url) as memory:
            memory.knowledge_base("kept").learn([["a"], ["b"]])
        valkey = int((tmp_path / "ledger" / "valkey.pid").read_text())
        process.send_signal(ending)
        assert process.wait(timeout=60) == 0
    assert owner_now(tmp_path) is None
    with pytest.raises(ProcessLookupError):
        os.kill(valkey, 0)
    told = kato("--data-dir", str(tmp_path), "stats", "--json")
    assert "served" not in told.stderr
    assert json.loads(told.stdout)["knowledge_bases"]["kept"]["patterns"] == 1


def test_workers_without_servers_are_refused(tmp_path: Path) -> None:
    done = kato("--data-dir", str(tmp_path), "serve", "--workers", "2")
    assert done.returncode == 2
    assert "KATO_CLICKHOUSE_URL" in done.stderr


def completed(line: str, place: str) -> list[str]:
    done = kato(
        _KATO_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=place, _TYPER_COMPLETE_TEST="1"
    )
    return done.stdout.split("\n")


def test_completion_lists_commands_and_served_knowledge_bases(url: str) -> None:
    assert {"learn", "predict", "serve", "doctor"} <= set(completed("kato ", "1"))
    with connect(url) as memory:
        memory.knowledge_base("complete me").learn([["a"], ["b"]])
        line = f"kato --url {url} predict --kb com"
        assert "complete me" in completed(line, "5")
    began = time.monotonic()
    assert "complete me" not in completed("kato --url http://127.0.0.1:9 predict --kb com", "5")
    assert time.monotonic() - began < 20


@pytest.mark.deep
def test_completion_can_be_installed(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = kato("--install-completion", "bash", **environment)
    assert done.returncode == 0, done.stderr
    (script,) = (tmp_path / ".bash_completions").glob("kato*")
    assert "_KATO_COMPLETE=complete_bash" in script.read_text()
