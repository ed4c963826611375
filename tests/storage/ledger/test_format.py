"""What a newer release wrote is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kato
from kato.errors import StoreTooNew
from kato.memory.engines import Engines
from kato.storage.ledger.connection import FORMAT, SHARD, Connection
from kato.storage.ledger.journal import Journal


@pytest.fixture
def newer_entry(engines: Engines, kb: kato.KnowledgeBase) -> Iterator[None]:
    """An entry of a newer format at the journal's end."""
    command = engines.connection.command
    kb.learn([["a"], ["b"]])
    sequence = command("HINCRBY", f"{SHARD}:journal:state", "sequence", 1)
    total = command("HGET", f"{SHARD}:journal:state", "bytes")
    fields = {"format": FORMAT + 1, "kind": "dream", "kb": 1, "bytes": total, "rows": 1}
    entry = f"{sequence}-0"
    pairs = [part for pair in fields.items() for part in pair]
    command("XADD", f"{SHARD}:journal", entry, *pairs)
    yield
    command("XDEL", f"{SHARD}:journal", entry)
    command("HDEL", f"{SHARD}:journal:state", "intent_token", "intent_first", "intent_last")


def test_a_newer_ledger(engines: Engines) -> None:
    command = engines.connection.command
    command("SET", f"{SHARD}:format", FORMAT + 1)
    try:
        with pytest.raises(StoreTooNew, match=f"format {FORMAT + 1}, this release knows {FORMAT}"):
            Connection(engines.connection.servers)
    finally:
        command("SET", f"{SHARD}:format", FORMAT)
    Connection(engines.connection.servers)


def test_a_newer_entry_is_not_carried(newer_entry: None, engines: Engines) -> None:
    with pytest.raises(StoreTooNew, match="upgrade"):
        engines.flush()
    assert engines.journal.waiting() == 2


def test_a_newer_entry_is_not_predicted_from(newer_entry: None, kb: kato.KnowledgeBase) -> None:
    with pytest.raises(StoreTooNew, match="upgrade"):
        kb.predict([["a"]])


def test_an_entry_is_read_the_same_at_every_call(engines: Engines, kb: kato.KnowledgeBase) -> None:
    kb.learn([["a"], ["b", "c"]], emotives={"joy": 1}, metadata={"k": "v"})
    journal = Journal(engines.connection)
    intent = journal.claim(1000, 1 << 20)
    assert intent is not None
    first, second = (journal.read(intent)[0] for _ in range(2))
    assert first.sequences is not None
    assert second.sequences is not None
    assert first.states == second.states
    assert first.texts == second.texts == {1: "a", 2: "b", 3: "c"}
    assert (first.kind, first.name, first.frequencies) == ("learn", kb.name, {1: 1})
    assert first.sequences.symbols.tolist() == [1, 2, 3]
    assert first.sequences.event_ends.tolist() == [1, 3]
