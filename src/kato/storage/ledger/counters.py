"""What the ledger counts: learning and forgetting change it, predictions read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.model.emotive import Emotives, Metadata
from kato.storage.ledger.connection import Connection, packed
from kato.storage.ledger.journal import (
    Batch,
    Entry,
    State,
    by_text,
    decoded,
    records_of,
    unpacked_emotives,
    unpacked_metadata,
    unpacked_records,
)
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.sessions import SessionStep

IntArray = npt.NDArray[np.int64]

Brought = tuple[list[str], Emotives, dict[str, list[str]]]
"""What a pattern brings: emotive records as JSON, their means, metadata values by key."""


class Lesson(msgspec.Struct, frozen=True):
    """Patterns to learn in one step.

    Attributes:
        names: 20 bytes a pattern.
        batch: Their symbols.
        texts: The distinct symbols of the batch, in order of first occurrence.
        occurrences: How often each is learned with it.
        brought: By the pattern's position (from 1), emotives and metadata.
        vectors: By symbol text, the vectors to store.
        times: How often each pattern is learned; once if empty.
    """

    names: bytes
    batch: Batch
    texts: list[str]
    occurrences: list[int]
    brought: dict[int, Brought] = {}
    vectors: dict[str, list[float]] = {}
    times: list[int] = []


class Learned(msgspec.Struct, frozen=True, array_like=True):
    """What became of a lesson.

    Attributes:
        kb: The knowledge base's number; 0 if there was nothing to learn.
        ids: Pattern ids in the order of the batch.
        frequencies: Their frequencies after it.
        told: What a repeat of the operation is told.
    """

    kb: int
    ids: list[int]
    frequencies: list[int]
    told: str = ""


class Look(msgspec.Struct, frozen=True):
    """What a reader needs before it recalls.

    Attributes:
        kb: The knowledge base's number.
        symbols: Ids of the texts asked for; 0 where the knowledge base does not know one.
        done: Last sequence ClickHouse has.
        entries: Journal entries the reader did not have.
        last_pattern: The greatest pattern id there can be.
        forgotten: How many patterns were forgotten so far.
        restored: How many of them were given back.
    """

    kb: int
    symbols: list[int]
    done: int
    entries: list[Entry]
    last_pattern: int
    forgotten: int
    restored: int = 0


class Facts(msgspec.Struct, frozen=True):
    """Counters of one moment.

    Attributes:
        patterns: Patterns in the knowledge base.
        pattern_frequencies: Sum of their frequencies.
        symbols: Distinct symbols in them.
        frequencies: int64 by pattern asked for; 0 where it is forgotten.
        emotives: By position of the pattern asked for, its records if it has any.
        symbol_frequencies: int64 by symbol asked for.
        members: int64 by symbol asked for, the patterns that hold it.
        affinities: By symbol whose affinity was asked.
    """

    patterns: int
    pattern_frequencies: int
    symbols: int
    frequencies: IntArray
    emotives: dict[int, list[Emotives]]
    symbol_frequencies: IntArray
    members: IntArray
    affinities: list[Emotives]


class Totals(msgspec.Struct, frozen=True):
    """A knowledge base's totals.

    Attributes:
        patterns: Patterns in it.
        pattern_frequencies: Sum of their frequencies: every learn counts.
        symbols: Distinct symbols in them.
        occurrences: Symbols learned, repeats and relearns included.
    """

    patterns: int = 0
    pattern_frequencies: int = 0
    symbols: int = 0
    occurrences: int = 0


class PatternState(msgspec.Struct, frozen=True):
    """What the ledger holds of one pattern."""

    kb: int
    id: int
    frequency: int
    state: State


class Target(msgspec.Struct, frozen=True):
    """A pattern that is to be changed.

    Attributes:
        name: Its name, 20 bytes.
        state: What :meth:`Counters.state` said of it.
        symbols: Its symbols' ids, repeats included.
    """

    name: bytes
    state: PatternState
    symbols: Sequence[int]

    def arguments(self) -> tuple[int | bytes, ...]:
        """As scripts take it."""
        return (self.state.kb, self.name, self.state.id, packed(_shares(self.symbols)))


class Carried(msgspec.Struct, frozen=True):
    """What a pattern carries beside its events.

    Attributes:
        frequency: How often it was learned; 0 if it is forgotten.
        state: Its emotives and metadata.
    """

    frequency: int
    state: State


class Edit(msgspec.Struct, frozen=True):
    """What changes of what a pattern carries; None stays as it is.

    Attributes:
        frequency: How often it counts as learned, 1 or more.
        emotives: Its records as JSON, and by emotive what it adds to its symbols' affinity sums.
        metadata: By key, the distinct values.
    """

    frequency: int | None = None
    emotives: tuple[list[str], Emotives] | None = None
    metadata: Metadata | None = None


class Edited(msgspec.Struct, frozen=True):
    """What a pattern carries after an edit.

    Attributes:
        frequency: How often it counts as learned.
        emotives: Its records.
        metadata: By key, the distinct values.
        told: What a repeat of the operation is told.
    """

    frequency: int
    emotives: list[Emotives]
    metadata: Metadata
    told: str


class Counters:
    """Changes and reads the counters of knowledge bases by name.

    Args:
        connection: The ledger.
        limits: When changes are refused, and how long they can be undone.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._journal_limit = limits.journal
        self._limits = limits

    def learn(
        self,
        kb: str,
        lesson: Lesson,
        *,
        persistence: int,
        step: SessionStep | None = None,
        operation: Operation | None = None,
    ) -> Learned:
        """Learn a lesson, and keep a session's step with it.

        Raises:
            StoreFull: The journal is full; nothing was learned.
            Conflict: The session moved on; nothing was learned.
        """
        arguments = self.learn_arguments(kb, lesson, persistence, step, operation)
        return msgspec.msgpack.decode(self._connection.run("learn", *arguments), type=Learned)

    def begin_learn(self, kb: str, lesson: Lesson, *, persistence: int) -> Callable[[], Learned]:
        """Send a lesson; calling what this returns waits until it is learned.

        That raises what :meth:`learn` raises.
        """
        arguments = self.learn_arguments(kb, lesson, persistence, None, None)
        answer = self._connection.begin("learn", *arguments)
        return lambda: msgspec.msgpack.decode(answer(), type=Learned)

    def learn_arguments(
        self,
        kb: str,
        lesson: Lesson,
        persistence: int,
        step: SessionStep | None,
        operation: Operation | None,
    ) -> tuple[Any, ...]:
        """What the script ``learn`` takes."""
        operation = operation or Operation()
        return (
            operation.id,
            operation.kept_ms,
            kb,
            packed(lesson.batch),
            packed(lesson.texts),
            packed(lesson.occurrences),
            packed(lesson.brought),
            persistence,
            self._journal_limit,
            packed(lesson.vectors) if lesson.vectors else b"",
            lesson.names,
            operation.told,
            packed(lesson.times) if lesson.times else b"",
            self._limits.memory,
            *(step.arguments() if step else ("",)),
        )

    def forget(
        self,
        kb: str,
        target: Target,
        operation: Operation | None = None,
    ) -> str | None:
        """Take a pattern out of every counter.

        Args:
            kb: The knowledge base's name.
            target: The pattern.
            operation: An operation id that makes a repeat safe.

        Returns:
            What a repeat of the operation is told; None if the pattern changed or went meanwhile.

        Raises:
            StoreFull: The journal is full; nothing was forgotten.
        """
        operation = operation or Operation()
        answer = self._connection.run(
            "forget",
            operation.id,
            operation.kept_ms,
            kb,
            *target.arguments(),
            self._journal_limit,
            operation.told,
            self._limits.undo_ms,
        )
        was_there, told = msgspec.msgpack.decode(answer, type=tuple[int, str])
        return told if was_there else None

    def edit(
        self,
        kb: str,
        target: Target,
        edit: Edit,
        operation: Operation | None = None,
    ) -> Edited | None:
        """Change what a pattern carries, and every counter with it.

        Args:
            kb: The knowledge base's name.
            target: The pattern.
            edit: What changes.
            operation: An operation id that makes a repeat safe.

        Returns:
            What it carries after it; None if the pattern changed or went meanwhile.

        Raises:
            StoreFull: The journal is full; nothing was changed.
        """
        operation = operation or Operation()
        answer = self._connection.run(
            "edit",
            operation.id,
            operation.kept_ms,
            kb,
            *target.arguments(),
            self._journal_limit,
            "" if edit.frequency is None else edit.frequency,
            b"" if edit.emotives is None else packed(edit.emotives),
            b"" if edit.metadata is None else packed(edit.metadata),
            operation.told,
        )
        return _edited(answer)

    def inherit(
        self, kb: str, affinities: Mapping[str, Emotives], operation: Operation | None = None
    ) -> list[str]:
        """Add to symbols' affinity what is in no pattern's share.

        Args:
            kb: The knowledge base's name.
            affinities: By symbol, what is added to its sums.
            operation: An operation id that makes a repeat safe.

        Returns:
            The symbols that no pattern holds: nothing is kept of them.

        Raises:
            StoreFull: The journal is full; nothing was added.
        """
        operation, texts = operation or Operation(), list(affinities)
        answer = self._connection.run(
            "inherit",
            operation.id,
            operation.kept_ms,
            kb,
            self._journal_limit,
            packed(texts),
            packed([affinities[text] for text in texts]),
        )
        return [texts[place - 1] for place in msgspec.msgpack.decode(answer, type=list[int])]

    def edited(self, operation: Operation) -> Edited | None:
        """What an edit answered; None if it was not carried out."""
        answer = self._connection.answer_of(operation.id)
        return None if answer is None else _edited(answer)

    def learned(self, operation: Operation) -> Learned | None:
        """What a learn answered; None if it was not carried out."""
        answer = self._connection.answer_of(operation.id)
        return None if answer is None else msgspec.msgpack.decode(answer, type=Learned)

    def told(self, operation: Operation) -> str | None:
        """What a repeat of an operation is told; None if it was not carried out."""
        answer = self._connection.answer_of(operation.id)
        return None if answer is None else str(msgspec.msgpack.decode(answer)[-1])

    def clear(
        self, kb: str, *, step: SessionStep | None = None, operation: Operation | None = None
    ) -> str:
        """Give the knowledge base a new, empty number, and keep a session's step with it.

        Returns:
            What a repeat of the operation is told.

        Raises:
            StoreFull: The journal is full; nothing was cleared.
            Conflict: The session moved on; nothing was cleared.
        """
        return self._cleared(kb, operation, step)[1]

    def remove(self, kb: str, operation: Operation | None = None) -> str | None:
        """Forget the knowledge base, its name too.

        Returns:
            What a repeat of the operation is told; None if there is none of that name.

        Raises:
            StoreFull: The journal is full; nothing was forgotten.
        """
        was_there, told = self._cleared(kb, operation, None, keeps_name=False)
        return told if was_there else None

    def _cleared(
        self,
        kb: str,
        operation: Operation | None,
        step: SessionStep | None,
        *,
        keeps_name: bool = True,
    ) -> tuple[bool, str]:
        """Whether there was something to clear, and what a repeat is told."""
        operation = operation or Operation()
        answer = self._connection.run(
            "clear",
            operation.id,
            operation.kept_ms,
            kb,
            self._journal_limit,
            operation.told,
            1 if keeps_name else "",
            self._limits.undo_ms,
            *(step.arguments() if step else ("",)),
        )
        old, _, told = msgspec.msgpack.decode(answer, type=tuple[int, int, str])
        return old > 0, told

    def drop_some(self, keys: int = 2000) -> bool:
        """Remove some keys of cleared numbers; False if there was nothing to remove."""
        return bool(self._connection.run("drop", keys))

    def look(self, kb: str, texts: list[str], after: int) -> Look | None:
        """Resolve a knowledge base and symbols, and catch up with the journal.

        Returns:
            None if there is no knowledge base of that name.
        """
        answer = self._read("look", kb, packed(texts), after)
        if not answer[0]:
            return None
        number, symbols, done, entries, *counts = answer
        return Look(number, symbols, done, [decoded(e) for e in entries], *counts)

    def facts(
        self, kb: int, ids: IntArray, symbols: npt.NDArray[np.uint32], weighed: Sequence[int] = ()
    ) -> Facts:
        """The counters behind a prediction, all of one moment; see :meth:`begin_facts`."""
        return self.begin_facts(kb, ids, symbols, weighed)()

    def begin_facts(
        self, kb: int, ids: IntArray, symbols: npt.NDArray[np.uint32], weighed: Sequence[int] = ()
    ) -> Callable[[], Facts]:
        """Ask for the counters behind a prediction; what this returns waits for them.

        It must be called, whatever happens meanwhile.

        Args:
            kb: The knowledge base's number.
            ids: Pattern ids.
            symbols: Symbol ids.
            weighed: Symbol ids whose affinity is asked.
        """
        asked = packed(ids.tolist()), packed(symbols.tolist()), packed(list(weighed))
        answer = self._connection.begin("facts", kb, *asked)
        return lambda: _facts(answer())

    def state(self, kb: str, name: bytes) -> PatternState | None:
        """What is held of the pattern with this name (20 bytes); None if it is not there."""
        answer = self._connection.run("state", kb, name)
        if not answer[0]:
            return None
        number, pattern, frequency, emotives, metadata, felt = answer
        return PatternState(number, pattern, frequency, _state(emotives, metadata, felt))

    def carried(self, kb: int, ids: IntArray) -> list[Carried]:
        """What patterns carry beside their events, all of one moment.

        Args:
            kb: The knowledge base's number.
            ids: Pattern ids.
        """
        answer = self._read("carried", kb, packed(ids.tolist()))
        frequencies, *parts = answer
        counted = msgspec.msgpack.decode(frequencies, type=list[int])
        states = zip(*parts, strict=True)
        return [
            Carried(frequency, _state(*state))
            for frequency, state in zip(counted, states, strict=True)
        ]

    def number(self, kb: str) -> int | None:
        """The current number of a knowledge base; None if there is none of that name."""
        answer = self._connection.command("HGET", self._connection.key("names"), kb)
        if answer is None:
            self._connection.refuse_while_rebuilding()
        return int(answer) if answer is not None else None

    def numbers(self) -> dict[str, int]:
        """The current numbers of all knowledge bases, by name, sorted."""
        flat = self._connection.command("HGETALL", self._connection.key("names"))
        return {name.decode(): int(flat[name]) for name in sorted(flat)}

    def names(self) -> list[str]:
        """Names of all knowledge bases, sorted."""
        return sorted(
            name.decode()
            for name in self._connection.command("HKEYS", self._connection.key("names"))
        )

    def totals(self, kb: int) -> Totals:
        """The totals of a number."""
        keys = ("patterns", "frequencies", "symbols", "occurrences")
        answer = self._connection.command("HMGET", self._connection.key(f"{kb}"), *keys)
        return Totals(*(int(value or 0) for value in answer))

    def counted_symbols(self, kb: int) -> list[int]:
        """Ids of all symbols that stand in a pattern, ascending."""
        return sorted(
            int(i) for i in self._connection.command("HKEYS", self._connection.key(f"{kb}:count"))
        )

    def affinity(self, kb: str, text: str) -> Emotives:
        """By emotive, the sum over a symbol's learns; empty if the symbol is not known."""
        number = self.number(kb)
        if number is None:
            return {}
        symbol = self._connection.command("HGET", self._connection.key(f"{number}:symbol"), text)
        if symbol is None:
            return {}
        sums = self._connection.command("HGET", self._connection.key(f"{number}:affinity"), symbol)
        return unpacked_emotives(sums) if sums else {}

    def _read(self, script: str, *arguments: Any) -> Any:
        # Sending and waiting skips the client's hooks, a quarter of the time of a small answer.
        return self._connection.begin(script, *arguments)()


def _facts(answer: list[Any]) -> Facts:
    counted, counts, emotives, affinities = answer
    totals, frequencies = msgspec.msgpack.decode(counted, type=tuple[list[int], list[int]])
    symbol_frequencies, members = _unpacked_counts(counts)
    records = dict(zip(emotives[::2], emotives[1::2], strict=True))
    return Facts(
        patterns=totals[0],
        pattern_frequencies=totals[1],
        symbols=totals[2],
        frequencies=np.array(frequencies, np.int64),
        emotives={i - 1: unpacked_records(packed) for i, packed in records.items()},
        symbol_frequencies=symbol_frequencies,
        members=members,
        affinities=[unpacked_emotives(sums) if sums else {} for sums in affinities],
    )


def _shares(symbols: Sequence[int]) -> list[int]:
    """Distinct symbols, each with how often it occurs.

    >>> _shares([7, 3, 7])
    [3, 1, 7, 2]
    """
    ids, times = np.unique(np.asarray(symbols, np.int64), return_counts=True)
    shares: list[int] = np.stack([ids, times], axis=1).ravel().tolist()
    return shares


def _state(emotives: bytes, metadata: bytes, felt: bytes) -> State:
    """What a script answers of a pattern's state; empty where there is nothing."""
    return State(
        unpacked_records(emotives) if emotives else [],
        unpacked_metadata(metadata) if metadata else {},
        unpacked_emotives(felt) if felt else {},
    )


def _edited(answer: bytes) -> Edited | None:
    was_there, frequency, emotives, metadata, told = msgspec.msgpack.decode(answer)
    if not was_there:
        return None
    # A script packs an empty table as an empty list, of records or of keys.
    return Edited(frequency, records_of(emotives or []), by_text(metadata, sorted), told)


def _unpacked_counts(packed: bytes) -> tuple[IntArray, IntArray]:
    """Frequencies and members as ``pack_count`` of the scripts packs them, 6 bytes each.

    >>> [part.tolist() for part in _unpacked_counts(bytes([1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]))]
    [[257], [1099511627778]]
    """
    numbers = np.zeros((len(packed) // 6, 8), np.uint8)
    numbers[:, :6] = np.frombuffer(packed, np.uint8).reshape(-1, 6)
    counts = numbers.view("<i8").astype(np.int64).reshape(-1, 2)
    return counts[:, 0].copy(), counts[:, 1].copy()
