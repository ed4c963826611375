"""Every way in which the ledger is asked, by the method that asks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from tests.storage.counted import lesson_of

import kato
from kato.market.ingest.intents import Intent, Intents
from kato.market.log.records import Position, Span
from kato.market.log.stream import StreamReader, StreamWriter
from kato.storage.ledger.audit import Audit, HeldJournal
from kato.storage.ledger.channel import Channel
from kato.storage.ledger.connection import SHARD, Connection
from kato.storage.ledger.counters import Counters, Edit, Target
from kato.storage.ledger.hold import Hold
from kato.storage.ledger.journal import Journal
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.notes import Notes
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.pipeline import Pipeline
from kato.storage.ledger.rebuilding import LedgerRebuild, Restored
from kato.storage.ledger.sessions import Sessions
from kato.storage.ledger.undo import Undo

Act = Callable[[], object]

IDS, SYMBOLS = np.array([1, 2]), np.array([1, 2], dtype=np.uint32)
LESSON = lesson_of([["a"], ["b"]], [["d"], ["e"]])
LIMITS = Limits(512 << 20, 0, 3_600_000)


class Asked:
    """A knowledge base, and a ledger that is asked about it.

    Args:
        memory: Where it is prepared, by a way on which nothing goes wrong.
        connection: Asked.
        name: The knowledge base's.
    """

    def __init__(self, memory: kato.Memory, connection: Connection, name: str) -> None:
        self.memory, self.connection, self.name = memory, connection, name
        self.kb = memory.knowledge_base(name)
        self.pattern = ""
        for events in ([["a"], ["b"]], [["b"], ["c"]], [["a"], ["b"]]):
            self.pattern = self.kb.learn(events, emotives={"joy": 0.5}) or ""
        self.number = memory.numbers()[name]
        self.counters = Counters(connection, LIMITS)
        self.undo = Undo(connection, LIMITS)
        self.sessions = Sessions(connection)
        self.journal = Journal(connection)
        self.notes = Notes(connection, "faults")
        self.audit = Audit(connection, name, self.number)

    def target(self) -> Target:
        """A pattern, to be changed."""
        name = bytes.fromhex(self.pattern)
        direct = self.memory._engines.counters
        state = direct.state(self.name, name)
        assert state is not None
        symbols = self.kb._predictor.symbols_of(self.name, state)
        assert symbols is not None
        return Target(name, state, symbols)

    def session(self) -> str:
        """A session that is there."""
        return kato.Session(self.kb).id

    def empty_journal(self) -> None:
        """Carry all there is to ClickHouse, so that the next claim is of what comes."""
        self.memory.flush()


def forget(asked: Asked) -> Act:
    target, operation = asked.target(), Operation()
    return lambda: asked.counters.forget(asked.name, target, operation)


def begin_learn(asked: Asked) -> Act:
    begin = asked.counters.begin_learn
    return lambda: begin(asked.name, LESSON, persistence=5)().frequencies


def edit(asked: Asked) -> Act:
    target, operation = asked.target(), Operation()
    return lambda: asked.counters.edit(asked.name, target, Edit(frequency=7), operation)


def undo(asked: Asked) -> Act:
    Counters(asked.memory.ledger(), LIMITS).clear(asked.name)
    return lambda: asked.undo.undo(asked.name, Operation(), replace=False)[0].kind


def piped(asked: Asked) -> Act:
    """As the service observes: over the pipeline, and if that says nothing, over the connection."""
    lesson, operation = lesson_of([["p"], ["q"]]), Operation()
    arguments = asked.counters.learn_arguments(asked.name, lesson, 5, None, operation)

    async def ask() -> bytes | None:
        pipeline = Pipeline(asked.connection)
        try:
            return await pipeline.run("learn", *arguments)
        finally:
            await pipeline.close()

    return lambda: asyncio.run(ask()) or asked.connection.run("learn", *arguments)


def claimed(asked: Asked, act: Callable[[Any], object]) -> Act:
    """Something is claimed: what is done with it."""
    asked.empty_journal()
    asked.kb.learn([["x"], ["y"]])
    engines = asked.memory._engines
    intent = engines.journal.claim(10, 1 << 20)
    assert intent is not None
    engines.writer._sink.insert(engines.journal.read(intent), intent.token)
    return lambda: act(intent)


def held(asked: Asked, act: Callable[[HeldJournal], object]) -> Act:
    def hold_and_act() -> object:
        journal = HeldJournal(asked.connection)
        try:
            return act(journal)
        finally:
            with suppress(kato.errors.StoreError):
                journal.release()
            asked.memory.ledger().command("DEL", f"{SHARD}:held")

    return hold_and_act


def hold(asked: Asked) -> Act:
    asked.empty_journal()

    def hold_and_check() -> None:
        try:
            with Hold(asked.connection) as hold:
                hold.check()
        finally:
            asked.memory.ledger().command("DEL", f"{SHARD}:held")

    return hold_and_check


def listen(asked: Asked) -> Act:
    def listen_for_a_moment() -> None:
        stop = threading.Event()
        Channel(asked.connection).listen(lambda _text: None, stop.set, stop)

    return listen_for_a_moment


def subscribed(asked: Asked) -> Act:
    def subscribe() -> None:
        with asked.connection.subscribed("faults") as receive:
            receive(0.0)

    return subscribe


def own_connection(asked: Asked) -> Act:
    def connect() -> None:
        asked.connection.of_its_own().disconnect()

    return connect


def written(asked: Asked) -> Act:
    topic = f"trades.{asked.name}"

    def write() -> int:
        writer = StreamWriter(asked.connection, deadline=0.2)
        writer.send(topic, "k", b"v", {})
        writer.flush()
        return StreamReader(asked.memory.ledger()).bounds(Position(topic, 0))[1]

    return write


def read_log(asked: Asked, act: Callable[[StreamReader, Position], object]) -> Act:
    topic = f"trades.{asked.name}"
    writer = StreamWriter(asked.memory.ledger())
    writer.send(topic, "k", b"v", {})
    writer.flush()
    return lambda: act(StreamReader(asked.connection), Position(topic, 0))


def ingest(asked: Asked, act: Callable[[Intents, Intent], object]) -> Act:
    span = Span("a topic", 0, 0, 3)
    intent = Intent((span,), os.urandom(8).hex())

    def ingest_and_end() -> object:
        try:
            return act(Intents(asked.connection, asked.name), intent)
        finally:  # what stands is in the way of backups
            Intents(asked.memory.ledger(), asked.name).done(intent)

    return ingest_and_end


LEDGER_CALLS: dict[str, Callable[[Asked], Act]] = {
    "Counters.learn": lambda a: lambda: a.counters.learn(a.name, LESSON, persistence=5).frequencies,
    "Counters.begin_learn": begin_learn,
    "Counters.forget": forget,
    "Counters.edit": edit,
    "Counters.inherit": lambda a: lambda: a.counters.inherit(a.name, {"a": {"joy": 1.0}}),
    "Counters.edited": lambda a: lambda: a.counters.edited(Operation()),
    "Counters.learned": lambda a: lambda: a.counters.learned(Operation()),
    "Counters.told": lambda a: lambda: a.counters.told(Operation()),
    "Counters.clear": lambda a: lambda: a.counters.clear(a.name),
    "Counters.remove": lambda a: lambda: a.counters.remove(a.name),
    "Counters.drop_some": lambda a: lambda: a.counters.drop_some() in (True, False),
    "Counters.look": lambda a: lambda: a.counters.look(a.name, ["a"], 0) is not None,
    "Counters.facts": lambda a: lambda: a.counters.facts(a.number, IDS, SYMBOLS) is not None,
    "Counters.begin_facts": lambda a: (
        lambda: a.counters.begin_facts(a.number, IDS, SYMBOLS)() is not None
    ),
    "Counters.state": lambda a: (
        lambda: a.counters.state(a.name, bytes.fromhex(a.pattern)) is not None
    ),
    "Counters.carried": lambda a: lambda: a.counters.carried(a.number, IDS),
    "Counters.number": lambda a: lambda: a.counters.number(a.name) is not None,
    "Counters.numbers": lambda a: lambda: a.name in a.counters.numbers(),
    "Counters.names": lambda a: lambda: a.name in a.counters.names(),
    "Counters.totals": lambda a: lambda: a.counters.totals(a.number),
    "Counters.counted_symbols": lambda a: lambda: a.counters.counted_symbols(a.number),
    "Counters.affinity": lambda a: lambda: a.counters.affinity(a.name, "a"),
    "Undo.undo": undo,
    "Undo.undoable": lambda a: lambda: a.undo.undoable(a.name),
    "Undo.settle": lambda a: lambda: a.undo.settle() is not None,
    "Sessions.visit": lambda a: _on_session(a, lambda s: a.sessions.visit(s) is not None),
    "Sessions.exists": lambda a: _on_session(a, a.sessions.exists),
    "Sessions.knowledge_base": lambda a: _on_session(
        a, lambda s: a.sessions.knowledge_base(s) is not None
    ),
    "Sessions.extend": lambda a: _on_session(
        a, lambda s: a.sessions.extend(s, 60, _told()) is not None
    ),
    "Sessions.remove": lambda a: _on_session(
        a, lambda s: a.sessions.remove(s, _told()) is not None
    ),
    "Sessions.told": lambda a: lambda: a.sessions.told(Operation()),
    "Sessions.count": lambda a: lambda: a.sessions.count() >= 0,
    "Sessions.expired": lambda a: lambda: len(a.sessions.expired()) >= 0,
    "Sessions.tidy": lambda a: a.sessions.tidy,
    "Journal.claim": lambda a: lambda: a.journal.claim(10, 1 << 20) is not None,
    "Journal.read": lambda a: claimed(a, lambda intent: len(a.journal.read(intent))),
    "Journal.done": lambda a: claimed(a, a.journal.done),
    "Journal.done_until": lambda a: lambda: a.journal.done_until() >= 0,
    "Journal.last": lambda a: lambda: a.journal.last() >= 0,
    "Journal.waiting": lambda a: lambda: a.journal.waiting() >= 0,
    "Journal.waiting_bytes": lambda a: lambda: a.journal.waiting_bytes() >= 0,
    "Notes.read": lambda a: lambda: a.notes.read(a.name),
    "Notes.agree": lambda a: lambda: a.notes.agree(a.name, b"1"),
    "Notes.write": lambda a: lambda: a.notes.write(a.name, b"1"),
    "Notes.remove": lambda a: lambda: a.notes.remove(a.name),
    "Audit.patterns": lambda a: (
        lambda: a.audit.patterns(bytes.fromhex(a.pattern), [1], 0, 1).frequencies
    ),
    "Audit.symbols": lambda a: lambda: a.audit.symbols({1: "a"}) is not None,
    "Audit.totals": lambda a: lambda: a.audit.totals().totals,
    "Audit.mend": lambda a: lambda: a.audit.mend([]),
    "HeldJournal.hold": lambda a: held(a, lambda journal: journal.hold() in (True, False)),
    "HeldJournal.release": lambda a: held(a, lambda journal: journal.release()),
    "HeldJournal.entries": lambda a: held(a, lambda journal: len(journal.entries(0, 1)) >= 0),
    "Hold.check": hold,
    "LedgerRebuild.begin": lambda a: lambda: LedgerRebuild(a.connection).begin(),
    "LedgerRebuild.step": lambda a: lambda: LedgerRebuild(a.connection).step(Restored(9, 1, 0)),
    "LedgerRebuild.end": lambda a: lambda: LedgerRebuild(a.connection).end("store", 1, 1),
    "Channel.tell": lambda a: lambda: Channel(a.connection).tell("hello"),
    "Channel.listen": listen,
    "Pipeline.run": lambda a: lambda: piped(a)() is not None,
    "Intents.standing": lambda a: ingest(a, lambda intents, _: intents.standing()),
    "Intents.claim": lambda a: ingest(a, lambda intents, intent: intents.claim(intent)),
    "Intents.done": lambda a: ingest(a, lambda intents, intent: intents.done(intent)),
    "Intents.positions": lambda a: ingest(a, lambda intents, _: intents.positions()),
    "Intents.move": lambda a: ingest(a, lambda intents, _: intents.move(Position("a topic", 0), 3)),
    "StreamWriter.flush": written,
    "StreamReader.partitions": lambda a: read_log(
        a, lambda reader, at: len(reader.partitions([at.topic]))
    ),
    "StreamReader.bounds": lambda a: read_log(a, lambda reader, at: reader.bounds(at)),
    "StreamReader.poll": lambda a: read_log(
        a, lambda reader, at: len(reader.poll({at: 0}, 9, 0.01))
    ),
    "StreamReader.read": lambda a: read_log(
        a, lambda reader, at: len(reader.read([Span(*at, *reader.bounds(at))]))
    ),
    "Connection.to_url": lambda a: lambda: Connection.to_url(_url_of(a.connection)).close(),
    "Connection.format": lambda a: a.connection.format,
    "Connection.run": lambda a: lambda: a.connection.run("undoable", 5) is not None,
    "Connection.begin": lambda a: lambda: a.connection.begin("undoable", 5)() is not None,
    "Connection.command": lambda a: lambda: a.connection.command("PING"),
    "Connection.subscribed": subscribed,
    "Connection.memory": lambda a: lambda: a.connection.memory().used > 0,
    "Connection.refuse_if_it_evicts": lambda a: a.connection.refuse_if_it_evicts,
    "Connection.answer_of": lambda a: lambda: a.connection.answer_of("none"),
    "Connection.refuse_while_rebuilding": lambda a: a.connection.refuse_while_rebuilding,
    "Connection.of_its_own": own_connection,
    "Connection.pipelined": lambda a: lambda: a.connection.pipelined([("PING",), ("PING",)]),
    "Connection.keys": lambda a: lambda: list(a.connection.keys(f"{SHARD}:format")),
}
"""By method: what prepares a call of it, and gives what calls."""

ASK_NOTHING = {
    *("Counters.learn_arguments", "Connection.to_socket", "Connection.sha", "Connection.close"),
    *(
        "Connection.connections",
        "Connection.database",
        "Connection.key",
        "Intents.of",
        "StreamReader.name",
    ),
    *("StreamReader.close", "StreamWriter.send", "StreamWriter.close", "Pipeline.close"),
}
"""Methods that ask no server, or only as one of the others does."""

ASKING = (
    *(Counters, Undo, Sessions, Journal, Notes, Audit, HeldJournal, Hold, LedgerRebuild),
    *(Channel, Pipeline, Intents, StreamWriter, StreamReader, Connection),
)


def _on_session(asked: Asked, act: Callable[[str], object]) -> Act:
    session = asked.session()
    return lambda: act(session)


def _told() -> Operation:
    return msgspec.structs.replace(Operation(), told="1")


def _url_of(connection: Connection) -> str:
    given = connection._client.connection_pool.connection_kwargs
    return f"redis://{given['host']}:{given['port']}/{given.get('db', 0)}"
