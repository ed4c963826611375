"""The market half in a backup: candles as they were, and no trade counted by two views."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.market.filling import BEGIN, MINUTE, layers_of, walk
from tests.storage import stores
from tests.storage.stores import Backend
from tests.upkeep.conftest import Fresh
from tests.upkeep.market_state import layers

import kato
from kato.errors import Conflict
from kato.market.ingest.intents import Intent, Intents
from kato.market.log.records import Span
from kato.storage.ledger.hold import Hold
from kato.upkeep.backup import backup
from kato.upkeep.restore import restore


@pytest.fixture(scope="module", params=["embedded", "servers"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Of this module alone: a batch of ingest that others left would never be carried."""
    if request.param == "servers":
        servers: Backend = request.getfixturevalue("own_servers")
        return servers
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


@pytest.mark.deep
def test_layers_come_back(stores_of: Fresh, tmp_path: Path) -> None:
    origin, target = stores_of("embedded", "a"), stores_of("servers", "b")
    with origin.open() as memory, layers_of(memory) as market:
        trades = walk(90)
        market.take(trades[:200])
        market.seal(BEGIN + 40 * MINUTE)
        backup(memory, tmp_path / "first")
        market.take(trades[200:])
        backup(memory, tmp_path / "second", since=tmp_path / "first")
        kept = layers(memory)
    restore(tmp_path / "second", target.settings, replace=True)
    with target.open() as memory, layers_of(memory) as market:
        assert layers(memory) == kept
        assert len(kept["silver_trades"]) == 360
        market.take(walk(95)[360:])  # the views are there again
        assert len(layers(memory)["candles_1m"]) == 95


def test_ingest_waits_for_a_backup(memory: kato.Memory) -> None:
    intents = Intents(memory.ledger(), "a group")
    intent = Intent((Span("topic", 0, 0, 5),), "token")
    with Hold(memory.ledger()) as hold:
        with pytest.raises(Conflict, match="a backup is being taken"):
            intents.claim(intent)
        with pytest.raises(Conflict, match="another backup"), Hold(memory.ledger()):
            pass
        hold.check()
    intents.claim(intent)
    intents.done(intent)


def test_a_batch_that_nobody_carries(memory: kato.Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kato.storage.ledger.hold.SETTLING_SECONDS", 0.05)
    intents = Intents(memory.ledger(), "another group")
    intent = Intent((Span("topic", 0, 0, 5),), "token")
    intents.claim(intent)
    with pytest.raises(Conflict, match="nobody carries"), Hold(memory.ledger()):
        pass
    assert not memory.ledger().command("EXISTS", "{0}:held")
    intents.done(intent)


def test_a_hold_that_was_lost(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    with Hold(memory.ledger()) as hold:
        kb.learn([["a"], ["b"]])
        memory.flush()
        hold.check()  # nothing is carried
        memory.ledger().command("DEL", "{0}:held")
        memory.flush()
        with pytest.raises(Conflict, match="the hold was lost"):
            hold.check()
