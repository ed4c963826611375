"""What was cleared or forgotten is held for a while, and given back when it is asked for.

A number that is given up keeps its keys, a forgotten pattern is written down with all it carried,
and ClickHouse deletes the rows of neither. :meth:`Undo.settle` lets go of what was held long
enough.
"""

from __future__ import annotations

import msgspec

from kato.errors import Conflict, NothingToUndo
from kato.model.undoable import Kind, Undoable
from kato.storage.ledger.connection import Connection
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.operations import Operation

MOST_HELD = 10_000
"""Changes that are held at the most; beyond that the oldest are let go before their time."""

LISTED = 1000
"""Changes that are listed at the most, the newest."""

_AT_ONCE = 500


class Undo:
    """Gives back what was cleared or forgotten, the last first.

    Args:
        connection: The ledger.
        limits: How long it is held, and when changes are refused.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits

    def undo(self, kb: str, operation: Operation, *, replace: bool) -> tuple[Undoable, str]:
        """Undo the last change of a knowledge base that took something away.

        Args:
            kb: Its name.
            operation: An operation id that makes a repeat safe.
            replace: Whether what was learned since gives way. It is held in its turn.

        Returns:
            What was undone, and what a repeat of the operation is told.

        Raises:
            NothingToUndo: Nothing was taken away, or too long ago.
            Conflict: Something was learned since that would have to give way, or a pattern is to be
                given back while a backup is taken or ``kato verify`` runs; nothing was changed.
            StoreFull: The journal is full; nothing was changed.
        """
        answer = self._connection.run(
            "undo",
            operation.id,
            operation.kept_ms,
            kb,
            self._limits.journal,
            operation.told,
            1 if replace else "",
            self._limits.undo_ms,
        )
        outcome, record, in_the_way, told = msgspec.msgpack.decode(answer, type=_Answer)
        if outcome == "nothing":
            raise _nothing(kb)
        change = _undoable(record)
        if outcome == "occupied":
            raise _occupied(change, in_the_way)
        if outcome == "held":
            raise _held(change)
        return change, told

    def undoable(self, kb: str | None = None) -> list[Undoable]:
        """What can be undone, the last change first; at most 1000.

        Args:
            kb: Only of the knowledge base of this name.
        """
        only = ("", "") if kb is None else (1, kb)
        answer = self._connection.run("undoable", *only, LISTED)
        # A script packs an empty table as an empty mapping or list.
        records = msgspec.msgpack.decode(answer, type=list[_Record] | dict[str, int])
        return [_undoable(record) for record in records if not isinstance(record, str)]

    def settle(self, most_held: int = MOST_HELD) -> int:
        """Let go of what was held long enough, for good.

        Returns:
            The last sequence of the journal up to which ClickHouse may delete what is void.
        """
        while True:
            more, deletable = self._connection.run("settle", most_held, _AT_ONCE)
            if not more:
                return int(deletable)


_Record = tuple[str, str, str, int, int, int]
_Answer = tuple[str, _Record, int, str]


def _undoable(record: _Record) -> Undoable:
    kind, kb, pattern, patterns, at, until = record
    return Undoable(
        msgspec.convert(kind, Kind), kb, pattern or None, patterns, at / 1000, until / 1000
    )


def _nothing(kb: str) -> NothingToUndo:
    return NothingToUndo(
        f"nothing can be undone in knowledge base {kb[:60]!a}",
        remedy="what was cleared or forgotten is held for KATO_UNDO_SECONDS",
    )


def _held(change: Undoable) -> Conflict:
    return Conflict(
        f"pattern {change.pattern} cannot be given back while a backup or kato verify runs",
        remedy="undo again when it has ended",
    )


def _occupied(change: Undoable, in_the_way: int) -> Conflict:
    name = f"{change.knowledge_base[:60]!a}"
    if change.pattern is not None:
        said = f"pattern {change.pattern} was learned anew in knowledge base {name} since"
    else:
        said = f"knowledge base {name} holds {in_the_way} patterns that were learned since"
    return Conflict(
        f"{said}, and would lose them",
        remedy="undo with replace if they are to give way; that can be undone in its turn",
    )
