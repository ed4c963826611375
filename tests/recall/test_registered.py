"""Filters of other packages: found by their entry points, loaded, named where they fail."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kato
from kato.errors import FilterFailed, InvalidConfig
from kato.model import filter_names

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "last_symbol"
MEMORY = [["a"], ["b"]]

MODULE = """
import numpy as np

class Every:
    name = "every"
    def keeps(self, query, candidates):
        return np.ones(len(candidates), np.bool_)

class Nameless:
    def keeps(self, query, candidates):
        return np.ones(len(candidates), np.bool_)

class Other(Every):
    name = "other"

class Numbers:
    name = "numbers"
    def keeps(self, query, candidates):
        return np.ones(len(candidates))

class Short:
    name = "short"
    def keeps(self, query, candidates):
        return np.ones(len(candidates) + 1, np.bool_)

class Breaks:
    name = "breaks"
    def keeps(self, query, candidates):
        raise ZeroDivisionError("it broke")

class BreaksAtOnce:
    name = "breaks_at_once"
    def __init__(self):
        raise ZeroDivisionError("it broke")
"""


def install(folder: Path, package: str, filters: dict[str, str]) -> None:
    """Leave what an installer leaves: the package's entry points beside its modules."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {where}" for name, where in filters.items()]
    (info / "entry_points.txt").write_text("\n".join(["[kato.filters]", *lines]))


Install = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Registers filters of a package as long as the test runs."""
    (tmp_path / "sieves.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def registering(package: str = "sieves", **filters: str) -> None:
        install(tmp_path, package, filters)
        filter_names._registered.cache_clear()

    yield registering
    sys.modules.pop("sieves", None)
    filter_names._registered.cache_clear()


@pytest.fixture
def filled(memory: kato.Memory, kb: kato.KnowledgeBase) -> kato.KnowledgeBase:
    kb.learn([["a"], ["b"], ["c"]])
    memory.flush()
    kb.learn([["a"], ["b"], ["d"]])
    return kb


@pytest.mark.deep
def test_the_example_is_found_where_it_is_installed(tmp_path: Path) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(tmp_path / "site", project["name"], project["entry-points"]["kato.filters"])
    for pipeline in ("length,last_symbol", "rapidfuzz,last_symbol", "last_symbol"):
        assert _recalled(tmp_path, pipeline) == [
            # The memories bc, b? and ?b: those that hold c, none, those that hold b.
            ["abc", "ace", "bac", "bcf"],
            [],
            ["abc", "abd", "bac", "bag", "bcf"],
        ]


def test_the_example_s_examples_answer_as_printed() -> None:
    module = str(EXAMPLE / "last_symbol.py")
    ran = subprocess.run(
        [sys.executable, "-m", "doctest", "-v", module], capture_output=True, check=True
    )
    assert b"LastSymbolFilter().keeps" in ran.stdout


def _recalled(folder: Path, pipeline: str) -> list[list[str]]:
    program = ROOT / "tests" / "recall" / "registering.py"
    path = f"import sys; sys.path[:0] = {[str(folder / 'site'), str(EXAMPLE)]!r}; "
    run = f"sys.argv = {['', str(folder / pipeline), pipeline]!r}; import runpy; "
    run += f"runpy.run_path({str(program)!r}, run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", path + run], capture_output=True, check=True)
    answers: list[list[str]] = json.loads(ran.stdout)
    return answers


def test_a_registered_filter_is_one_like_others(
    installed: Install, filled: kato.KnowledgeBase
) -> None:
    installed(every="sieves:Every")
    assert filter_names.filter_names() == (*filter_names.FILTERS, "every")
    for pipeline in (["every"], ["length", "every", "bloom"], ["every", "every"]):
        assert len(filled.predict(MEMORY, filter_pipeline=pipeline)) == 2


def test_an_unknown_filter_is_refused_with_all_there_are(
    installed: Install, filled: kato.KnowledgeBase
) -> None:
    installed(every="sieves:Every")
    with pytest.raises(InvalidConfig, match="bloom, rapidfuzz, every"):
        filled.predict(MEMORY, filter_pipeline=["evry"])


@pytest.mark.parametrize(
    ("name", "where", "reason"),
    [
        ("gone", "nowhere:Gone", r"'gone' \(nowhere:Gone\) cannot be loaded: ModuleNotFoundError"),
        ("gone", "sieves:Gone", "cannot be loaded: AttributeError"),
        ("breaks_at_once", "sieves:BreaksAtOnce", r"ZeroDivisionError\('it broke'\); mend or"),
        ("nameless", "sieves:Nameless", "is no filter of that name; see kato"),
        ("every", "sieves:Other", "is no filter of that name"),
        ("numbers", "sieves:Numbers", r"answered float64\[\d\] for \d candidates; its keeps must"),
        ("short", "sieves:Short", r"answered bool\[\d\] for \d candidates"),
        ("length", "sieves:Every", r"must be registered once, not by \['kato', 'sieves:Every'\]"),
    ],
)
def test_a_filter_that_does_not_do_its_part_fails_the_call(
    installed: Install, filled: kato.KnowledgeBase, name: str, where: str, reason: str
) -> None:
    installed(**{name: where})
    with pytest.raises(FilterFailed, match=reason):
        filled.predict(MEMORY, filter_pipeline=[name])


def test_a_filter_that_two_packages_register_is_neither_s(
    installed: Install, filled: kato.KnowledgeBase
) -> None:
    installed("one", every="sieves:Every")
    installed("two", every="sieves:Other")
    with pytest.raises(FilterFailed, match=r"'every' must be registered once, not by \['sieves"):
        filled.predict(MEMORY, filter_pipeline=["every"])


def test_a_filter_that_was_removed_is_named(installed: Install, filled: kato.KnowledgeBase) -> None:
    installed(every="sieves:Every")
    config = kato.SessionConfig().updated(filter_pipeline=["every"])
    filter_names._registered.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", sys.path[1:])
        with pytest.raises(FilterFailed, match=r"'every' must be registered once, not by \[\]"):
            filled.predict_with(MEMORY, config)


def test_an_error_of_a_filter_is_the_call_s(installed: Install, filled: kato.KnowledgeBase) -> None:
    installed(breaks="sieves:Breaks")
    with pytest.raises(ZeroDivisionError, match="it broke"):
        filled.predict(MEMORY, filter_pipeline=["length", "breaks"])
