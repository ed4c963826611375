"""The files of the recall index: damage is found, and they are made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.memory import answering
from tests.memory.changing import fresh

import kato
from kato.recall.index import catalog as module
from kato.recall.index.build import build
from kato.recall.index.files import save
from kato.upkeep import rebuild_index as rebuilding
from kato.upkeep.difference import Difference
from kato.upkeep.rebuild_index import rebuild_index
from kato.upkeep.verify import verify

pytestmark = pytest.mark.servers_deep

LAST = 128
"""The last id of what is learned."""


@pytest.fixture
def kb(memory: kato.Memory, monkeypatch: pytest.MonkeyPatch) -> Iterator[kato.KnowledgeBase]:
    """Large enough for a file."""
    for place in (module, rebuilding):
        monkeypatch.setattr(place, "FILED", 50)
    kb = fresh(memory)
    kb.learn_many(answering.history())
    answering.forgotten(kb)
    told: list[tuple[int, int]] = []
    assert rebuild_index(memory, lambda done, total: told.append((done, total))) == LAST
    assert told == [(LAST, LAST)]
    yield kb
    memory.forget_knowledge_base(kb.name)


def found(memory: kato.Memory, *, repair: bool = False) -> list[Difference]:
    return list(verify(memory, repair=repair))


def file_of(memory: kato.Memory, kb: kato.KnowledgeBase) -> Path:
    [file] = memory.recall_index().files(memory.numbers()[kb.name])
    return file.path


def test_the_index_is_that_of_the_patterns(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    assert file_of(memory, kb).name == f"1-{LAST}.segment"
    assert found(memory) == []
    before = answering.answers(kb)[:40]
    assert rebuild_index(memory) == LAST
    assert answering.answers(kb)[:40] == before


def test_what_is_forgotten_later_may_be_in_a_file(
    memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    kb.forget(kb.patterns(limit=1).patterns[0].name)
    assert found(memory) == []


@pytest.mark.parametrize("damage", ["a byte", "a missing pattern", "another pattern"])
def test_damage_is_found(memory: kato.Memory, kb: kato.KnowledgeBase, damage: str) -> None:
    path, engines = file_of(memory, kb), memory._engines
    if damage == "a byte":
        data = bytearray(path.read_bytes())
        data[-200] ^= 1
        path.write_bytes(data)
    else:
        there = engines.tables.where(memory.numbers()[kb.name], "true", {})
        if damage == "another pattern":
            symbols = there.symbols.copy()
            symbols[0] = symbols[0] % 30 + 1
            there = msgspec.structs.replace(there, symbols=symbols)
        else:
            there = there.without({int(there.ids[7])})
        save(build(there, 1, LAST), path.parent)
    assert [one.check for one in found(memory)] == ["segments"]
    assert [one.mended for one in found(memory, repair=True)] == [True]
    assert found(memory) == []
    assert not path.exists()
    assert kb.predict([["cat1"], ["dog2"]], recall_threshold=0.0)


def test_another_process_indexes(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    with memory.recall_index()._one_builder(memory.numbers()[kb.name]) as alone:
        assert alone
        with pytest.raises(kato.KatoError, match="another process builds the recall index"):
            rebuild_index(memory)
    assert rebuild_index(memory) == LAST
