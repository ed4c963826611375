"""Defects, one each, as somebody might make them: the simulation must find every one.

Each is a context in which the code has the defect; scripts are read when a world is made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import msgspec
from tests.simulation.clickhouse import Tables

from kato.memory.predicting import Predictor
from kato.recall.scan import Scan
from kato.session.session import Session
from kato.storage.batches import Writer
from kato.storage.clickhouse import patterns
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.ledger import script
from kato.storage.ledger.counters import Look
from kato.storage.ledger.journal import Entry
from kato.storage.ledger.tail import Tail, TailView

Defect = Callable[[], AbstractContextManager[Any]]


def _script(before: str, after: str) -> Defect:
    """Scripts with another text somewhere."""

    def defect() -> AbstractContextManager[Any]:
        read = script._source
        touched = [name for name in ("shared", *script._SCRIPTS) if before in read(name)]
        assert touched, f"no script says {before!r}"
        return patch.object(script, "_source", lambda name: read(name).replace(before, after))

    return defect


def _method(owner: type, name: str, defective: Callable[..., Any]) -> Defect:
    """A method in place of another."""
    return lambda: patch.object(owner, name, defective)


def _step_done_first(self: Writer) -> int:
    intent = self._log.claim(100, 1 << 20)
    if intent is None:
        return 0
    entries = self._log.read(intent)
    self._log.done(intent)
    self._sink.insert(entries, intent.token)
    return int(intent.rows)


def _insert_under_a_new_token(
    self: PatternSink, entries: Sequence[Entry], _token: str, insert: Any = PatternSink.insert
) -> None:
    insert(self, entries, secrets.token_hex(16))


def _insert_without_tombstones(
    self: PatternSink, entries: Sequence[Entry], token: str, insert: Any = PatternSink.insert
) -> None:
    insert(self, [msgspec.structs.replace(entry, forgotten=None) for entry in entries], token)


def _tail_that_lets_go_early(self: Tail, look: Look, catch_up: Any = Tail.catch_up) -> TailView:
    return catch_up(self, msgspec.structs.replace(look, done=self._last))  # type: ignore[no-any-return]


def _tail_that_never_looks_again(self: Tail, look: Look, catch_up: Any = Tail.catch_up) -> TailView:
    view: TailView = catch_up(self, look)
    self._last += 1
    return view


def _attempt_with_clickhouse_first(
    self: Predictor, kb: str, *arguments: Any, attempt: Any = Predictor._attempt
) -> Any:
    look = self._counters.look(kb, [], 2**62)
    if look is None or not look.last_pattern:
        return attempt(self, kb, *arguments)
    condition = "id >= {first:UInt64} AND id <= {last:UInt64} AND (true)"
    found = self._tables.where(look.kb, condition, {"first": 1, "last": look.last_pattern})
    recall = Scan(cast(PatternTables, SimpleNamespace(where=lambda *_, **__: found)))
    early = Predictor(self._counters, self._tail, recall, self._tables, self._carry)
    return attempt(early, kb, *arguments)


def _keep_what_was_known(self: Session) -> Any:
    return self._known.state


class Mutation(NamedTuple):
    """A defect and how it shows.

    Attributes:
        defect: A context in which the code has it.
        complaint: What the simulation says of it, a regular expression.
        near: A schedule before the first that shows it, to begin with.
    """

    defect: Defect
    complaint: str
    near: int = 0


_DOUBLED = "ids in (patterns|symbols|tombstones)"
_MISSING = (
    "PatternNotFound|keeps changing|cleared meanwhile|misses|"
    "patterns in|cleared: |frequency of|emotives of"
)

MUTATIONS = {
    "a session's version is not checked": Mutation(
        _script("== tonumber(step[2])", "== tonumber(step[2]) or true"),
        "was not carried out|session .* holds",
    ),
    "operation ids are not kept": Mutation(
        _script("if operation == '' then return nil end", "do return nil end"),
        "is carried out twice",
    ),
    "an intent that stands is not answered again": Mutation(
        _script("if state[1] then return", "if false then return"), _DOUBLED
    ),
    "done trims whatever intent stands": Mutation(
        _script("if state[1] ~= ARGV[1] then return 0 end", ""),
        _MISSING,
        near=180,
    ),
    "an edit is not journalled": Mutation(
        _script("append('edit'", "local function nothing() end nothing('edit'"),
        "edit.* was not carried out",
        near=35,
    ),
    "the log lets go before ClickHouse has the batch": Mutation(
        _method(Writer, "step", _step_done_first), _MISSING
    ),
    "a batch is sent again under a new token": Mutation(
        _method(PatternSink, "insert", _insert_under_a_new_token), _DOUBLED
    ),
    "a table does not know its tokens": Mutation(
        lambda: patch.object(Tables, "knows", lambda *_: False), _DOUBLED
    ),
    "tombstones are not carried": Mutation(
        _method(PatternSink, "insert", _insert_without_tombstones),
        "patterns in ClickHouse",
        near=55,
    ),
    "frequencies are carried for new patterns only": Mutation(
        lambda: patch.object(patterns, "_frequency_rows", lambda _: patterns._tombstone_rows([])),
        "frequency of",
    ),
    "the tail lets go of what ClickHouse has not got": Mutation(
        _method(Tail, "catch_up", _tail_that_lets_go_early), "misses"
    ),
    "the tail skips an entry": Mutation(
        _method(Tail, "catch_up", _tail_that_never_looks_again), "misses|finds nothing"
    ),
    "ClickHouse is read before the tail": Mutation(
        _method(Predictor, "_attempt", _attempt_with_clickhouse_first), "misses", near=95
    ),
    "a step that was overtaken is not taken anew": Mutation(
        _method(Session, "_current", _keep_what_was_known), "left alone|AssertionError"
    ),
}

RARE = {
    "a claim that comes again brings its token along": Mutation(
        _script("local token = ARGV[3] .. '-' .. first", "local token = ARGV[3]"), _MISSING
    ),
}
"""Defects that were in the code until the simulation found them, in thousands of schedules."""
