from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_evaluate(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a b c\nx b d\n" * 20 + b"\xff\n")
    answer = run("evaluate", str(path), "--json").json
    assert answer["sequences"] == 40
    assert answer["learned"] == 36
    assert answer["patterns"] == 2
    assert answer["rejected"] == 1
    assert answer["accuracy"]["questions"] == 4
    assert answer["accuracy"]["kato"] == 1.0
    assert run("stats", "--json").json["knowledge_bases"] == {}


def test_the_summary(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a b c\nx b d\n" * 20)
    out = run("evaluate", str(path), "--questions", "2").out
    assert "36  sequences learned" in out
    assert "2  questions" in out
    assert "100.0%  ██████" in out


def test_too_few_sequences(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a b c\n" * 9)
    ran = run("evaluate", str(path))
    assert ran.code == 2
    assert "9 sequences leave nothing to ask; give ten or more" in ran.err
