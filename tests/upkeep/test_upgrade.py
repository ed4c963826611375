"""The data of every release can be restored, brought up to this one, and says the same.

    python -m tests.upkeep.test_upgrade RELEASE

makes the sample of this release, in ``tests/data/releases``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.market.filling import layers_of, walk
from tests.storage import stores
from tests.upkeep.market_state import layers
from tests.upkeep.whole import NAMES, SESSION, History, known_to

import kato
from kato.errors import StoreTooNew
from kato.storage.ledger.connection import FORMAT
from kato.upkeep.backup import backup
from kato.upkeep.restore import restore
from kato.upkeep.upgrade import upgrade

RELEASES = Path(__file__).parents[1] / "data" / "releases"
FOR_EVER = 3_000_000_000
"""Seconds that the sample's session lives: some hundred years."""


def said(memory: kato.Memory) -> Any:
    """All that a memory says, but predictions, which a release may make better."""
    bases = {name: known_to(memory.knowledge_base(name)) for name in memory.knowledge_bases()}
    for known in bases.values():
        del known["predictions"]
    events = kato.Session(memory.knowledge_base(NAMES[0]), session_id=SESSION).events
    found = {"bases": bases, "session": events, "layers": layers(memory)}
    return msgspec.json.decode(msgspec.json.encode(found))


@pytest.mark.parametrize("release", [path.name for path in sorted(RELEASES.glob("*"))])
def test_an_older_release(release: str, tmp_path: Path) -> None:
    target = stores.embedded(tmp_path)
    restored = restore(RELEASES / release / "archive", target.settings)
    assert not upgrade(target.settings).changed  # a restore brings up what is older
    with target.open() as memory:
        expected = msgspec.json.decode((RELEASES / release / "said.json").read_bytes())
        assert said(memory) == expected
        kb = memory.knowledge_base(NAMES[0])
        count = kb.stats().patterns
        kb.learn([["learned"], ["later"]])
        memory.flush()
        assert kb.stats().patterns == count + 1
    assert restored.keys > 0


def test_steps_that_lack_are_taken_and_told(tmp_path: Path) -> None:
    target = stores.embedded(tmp_path)
    target.open().close()
    with target.open() as memory:
        memory._engines._clickhouse.command(
            "DELETE FROM migrations WHERE number = 4 SETTINGS lightweight_deletes_sync = 2"
        )
    upgraded = upgrade(target.settings)
    assert upgraded.migrations == {"migrations": [4]}
    assert upgraded.ledger_format == FORMAT
    assert not upgrade(target.settings).changed


@pytest.mark.parametrize("what", ["the ledger", "the tables"])
def test_a_newer_release_is_refused(what: str, tmp_path: Path) -> None:
    target = stores.embedded(tmp_path)
    with target.open() as memory:
        if what == "the ledger":
            memory.ledger().command("SET", "{0}:format", FORMAT + 1)
        else:
            memory._engines._clickhouse.command(
                "INSERT INTO migrations (number, name) VALUES (99, 'dreams')"
            )
    with pytest.raises(StoreTooNew, match="upgrade KATO"):
        upgrade(target.settings)


def make(release: str) -> None:
    """Make the sample of a release: a small history, and what it says."""
    folder = RELEASES / release
    folder.mkdir(parents=True)
    origin = stores.embedded(Path(tempfile.mkdtemp()))
    with origin.open() as memory, layers_of(memory) as market:
        market.take(walk(3))
        fill(memory)
        backup(memory, folder / "archive")
        expected = msgspec.json.format(msgspec.json.encode(said(memory)), indent=0)
        (folder / "said.json").write_bytes(expected)


def fill(memory: kato.Memory) -> None:
    """Let it hold something in every table, and something that only the journal has."""
    kb, history = memory.knowledge_base(NAMES[0]), History(4)
    kato.Session(kb, session_id=SESSION, ttl_seconds=FOR_EVER)
    history.go_on(memory)
    memory.flush()
    history.go_on(memory, 5)


if __name__ == "__main__":
    make(sys.argv[1])
