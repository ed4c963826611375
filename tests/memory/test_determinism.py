"""The same learning order gives the same answers, byte by byte, however they are asked for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.memory.answering import answers, forgotten, history, optimize

import kato

ROOT = Path(__file__).parents[2]
DIGEST = "2680da7306201e1190bf6130e7f2d6d9158ad03c1d399a9b5fa0cd4311cef4b9"
"""Of all answers, with values rounded to 1e-9: equal on every machine and under every release."""


def one_by_one(kb: kato.KnowledgeBase) -> None:
    for example in history():
        kb.learn(example.events, emotives=example.emotives, metadata=example.metadata)


def at_once(kb: kato.KnowledgeBase) -> None:
    kb.learn_many(history())


def in_uneven_parts(kb: kato.KnowledgeBase) -> None:
    examples = history()
    for first, end in ((0, 1), (1, 40), (40, 41), (41, len(examples))):
        kb.learn_many(examples[first:end])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("determinism")


def process(folder: Path, task: str, seed: int) -> list[bytes]:
    """What another process answers."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.memory.answering", str(folder / "data"), task],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[bytes]:
    """The answers of the process that learned."""
    return process(folder, "learn", 1)


def test_the_answers_are_those_of_every_machine(expected: list[bytes]) -> None:
    rounded = msgspec.json.encode([_rounded(msgspec.json.decode(line)) for line in expected])
    assert len(expected) > 100
    assert hashlib.sha256(rounded).hexdigest() == DIGEST


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9) + 0.0  # -0.0 + 0.0 is 0.0
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in sorted(value.items())}
    return value


@pytest.mark.parametrize(("task", "seed"), [("look", 2), ("optimize", 12345)])
@pytest.mark.deep
def test_another_process_and_hash_seed(
    folder: Path, expected: list[bytes], task: str, seed: int
) -> None:
    assert process(folder, task, seed) == expected


@pytest.mark.servers_deep
@pytest.mark.parametrize(
    "learn", [pytest.param(one_by_one, marks=pytest.mark.deep), at_once, in_uneven_parts]
)
def test_any_portions_any_backend_and_whether_flushed(
    learn: Callable[[kato.KnowledgeBase], None],
    kb: kato.KnowledgeBase,
    memory: kato.Memory,
    expected: list[bytes],
) -> None:
    learn(kb)
    forgotten(kb)
    assert answers(kb) == expected  # from the journal
    memory.flush()
    optimize(memory)
    assert answers(kb) == expected  # from ClickHouse


def test_another_order_is_another_history(kb: kato.KnowledgeBase, expected: list[bytes]) -> None:
    # Else the comparisons above would compare nothing.
    kb.learn_many(reversed(history()))
    forgotten(kb)
    assert answers(kb) != expected
