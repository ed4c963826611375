"""``kato undo``, ``mark``, ``drop``: given back, and not taken away without a yes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from tests.cli.conftest import Ran

import kato
from kato.cli import main


class Cli:
    """Runs commands over one data directory."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--data-dir", str(self.data), *arguments])
        out, err = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)


@pytest.fixture
def cli(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))  # no terminal, whatever it says
    with kato.open(tmp_path) as memory:
        monkeypatch.setattr(kato, "open", lambda *_: _Open(memory), raising=False)
        yield Cli(tmp_path, capsys)


class _Open:
    """A memory that stays open from command to command, as to open it takes a second."""

    def __init__(self, memory: kato.Memory) -> None:
        self._memory = memory

    def __enter__(self) -> kato.Memory:
        return self._memory

    def __exit__(self, *_: object) -> None:
        """It stays open."""


def test_all_that_takes_away_wants_a_yes_and_is_undone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("a b c\n")
    assert cli("learn", str(tmp_path / "some.txt"), "--format", "text").code == 0
    with kato.open(tmp_path) as memory:
        (pattern,) = memory.knowledge_base().patterns().patterns
    for command in (["forget", pattern.name], ["clear"], ["drop", "default"]):
        refused = cli(*command)
        assert (refused.code, "--yes" in refused.err) == (2, True)
        assert cli("show", pattern.name).code == 0
        assert cli(*command, "--yes").code == 0
        assert cli("show", pattern.name).code == 1
        assert "default" in cli("undo", "--list").out
        assert "given back to default: 1 pattern" in cli("undo").out
        assert cli("show", pattern.name).code == 0
    assert cli("undo").code == 1
    assert cli("undo", "--list").out == "nothing can be undone\n"
    replaced = cli("undo", "--replace")
    assert (replaced.code, "--yes" in replaced.err) == (2, True)


def test_mark(cli: Cli, tmp_path: Path) -> None:
    for option, outcome in (("--disposable", True), ("--kept", False)):
        assert cli("mark", "scratch", option).code == 0
        with kato.open(tmp_path) as memory:
            assert memory.is_disposable("scratch") is outcome
    assert cli("mark", "scratch").code == 2
