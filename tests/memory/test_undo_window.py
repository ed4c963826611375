"""How long what was taken away can be given back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.memory.test_undo import CHANGES, HOUR, held_for, learned, purge
from tests.storage import stores
from tests.storage.ledger.test_layout import keys_of
from tests.storage.tables import rows_of

from kato.errors import NothingToUndo
from kato.memory.engines import Engines


def let_an_hour_pass(engines: Engines) -> None:
    command = engines.connection.command
    for sequence in command("ZRANGE", "{0}:undo", 0, -1):
        key = f"{{0}}:undo:{sequence.decode()}"
        command("HSET", key, "expires", int(command("HGET", key, "expires")) - 1000 * HOUR)


def test_after_its_time_nothing_comes_back(tmp_path: Path) -> None:
    """And then it is deleted from both stores."""
    with held_for(stores.embedded(tmp_path), HOUR).open() as memory:
        kb, engines = memory.knowledge_base("kb"), memory._engines
        name = learned(kb)
        kb.forget(name)
        number = engines.counters.number("kb") or 0
        kb.clear()
        purge(memory)
        assert len(rows_of(engines, "patterns", number)) == 2
        let_an_hour_pass(engines)
        assert kb.undoable() == []
        with pytest.raises(NothingToUndo):
            kb.undo()
        purge(memory)
        assert keys_of(engines, number) == []
        assert rows_of(engines, "patterns", number) == []
        held = engines.connection.command("KEYS", "{0}:undo*")
        assert held == []


def test_without_a_time_nothing_is_held(tmp_path: Path) -> None:
    with stores.embedded(tmp_path).open() as memory:
        kb = memory.knowledge_base("kb")
        for change in CHANGES.values():
            name = learned(kb)
            change(memory, kb, name)
        assert memory.undoable() == []
        assert memory._engines.connection.command("KEYS", "{0}:undo*") == []
        with pytest.raises(NothingToUndo):
            memory.undo("kb")
