"""Brokers for tests: why there is none is said, and none is left behind."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from tests.market.brokers.maven import Missing, artifacts
from tests.market.brokers.shared import shared_broker

JAVA_11 = "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2"
JAVA_17 = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, the only one; and an empty cache."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def install(programs: Path, **scripts: str) -> None:
    for name, script in scripts.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)


def test_without_a_jvm(programs: Path) -> None:
    with pytest.raises(Missing, match="no JVM"):
        artifacts()


def test_with_an_old_jvm(programs: Path) -> None:
    install(programs, java=JAVA_11)
    with pytest.raises(Missing, match=r"Java 11\.0\.2 is too old"):
        artifacts()


def test_without_maven(programs: Path) -> None:
    install(programs, java=JAVA_17)
    with pytest.raises(Missing, match="no Maven"):
        artifacts()


def test_with_a_maven_that_reaches_nobody(programs: Path) -> None:
    install(programs, java=JAVA_17, mvn="echo '[INFO] trying'; echo '[ERROR] no route'; exit 1")
    with pytest.raises(Missing, match=r"cannot fetch Apache Kafka: \[ERROR\] no route"):
        artifacts()


def test_with_a_maven_that_takes_too_long(programs: Path) -> None:
    install(programs, java=JAVA_17, mvn="exec /bin/sleep 30")
    began = time.monotonic()
    with pytest.raises(Missing, match=r"run `python -m tests\.market\.brokers\.maven` once"):
        artifacts(0.2)
    with pytest.raises(Missing, match=r"in 0\.2 s"):
        artifacts(60)  # is not tried again soon
    assert time.monotonic() - began < 10


def test_what_was_fetched_is_not_fetched_again(programs: Path) -> None:
    fetch = 'case "$4" in -DoutputDirectory=*) /bin/mkdir "${4#*=}";; esac'
    install(programs, java=JAVA_17, mvn=fetch)
    jars = artifacts()
    install(programs, mvn="exit 1")
    assert artifacts() == jars
    assert jars.is_dir()


@pytest.mark.deep
def test_a_shared_broker_ends_with_its_last_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    for _ in range(2):
        with shared_broker(tmp_path / "shared") as first:
            with shared_broker(tmp_path / "shared") as second:
                assert first == second
            assert _answers(first)
        _wait_until_gone(first)


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _wait_until_gone(address: str) -> None:
    end = time.monotonic() + 10
    while _answers(address):
        assert time.monotonic() < end
        time.sleep(0.05)
