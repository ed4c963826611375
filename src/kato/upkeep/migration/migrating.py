"""A migration from begin to end: read, check, stage; then move, compare, and say what was done."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from kato.errors import InvalidInput, StoreInUse, UnreadableInput
from kato.memory import Memory
from kato.model.event import check_text
from kato.model.vector import checked_vectors
from kato.upkeep.migration import kato3, mongodb, table
from kato.upkeep.migration.checking import Checker
from kato.upkeep.migration.files import opened
from kato.upkeep.migration.keys import opened_keys
from kato.upkeep.migration.moving import Mover
from kato.upkeep.migration.names import Targets
from kato.upkeep.migration.report import LEFT_OUT, Finding, Report
from kato.upkeep.migration.row import Row, Unreadable
from kato.upkeep.migration.stage import Stage
from kato.upkeep.migration.verifying import Verifier

Told = Callable[[str, int], None]
"""Takes what is done, and how many rows or patterns more are."""


class MovedIn(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a knowledge base.

    Attributes:
        patterns: Patterns that came with it.
        was_done: Whether they had been moved in before: then nothing was changed.
        differences: What was stored otherwise than it came; 0 is right.
    """

    patterns: int
    was_done: bool = False
    differences: int = 0


class Migration:
    """Takes rows, then moves them in.

    Args:
        work: A folder of our own; see :func:`working_in`.
        targets: Which knowledge base each goes to.
        report: Where all goes that does not fit.
        told: Told of progress.

    Attributes:
        rows: Rows that the source had.
    """

    def __init__(self, work: Path, targets: Targets, report: Report, told: Told) -> None:
        file = work / "stage.db"
        file.unlink(missing_ok=True)
        self._stage = Stage(file)
        self._work = work
        self._targets = targets
        self._report = report
        self._told = told
        self._bases: set[str] = set()
        self.rows = 0

    def close(self) -> None:
        """Close the stage."""
        self._stage.close()

    def read_vectors(self, path: str) -> None:
        """Take vectors from a file: in each line an object, names to lists of numbers.

        Raises:
            UnreadableInput: The file cannot be read.
        """
        with opened(path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    given = checked_vectors(json.loads(line))
                except (ValueError, AttributeError, TypeError, InvalidInput) as error:
                    where = f"{Path(path).name}, line {number}"
                    self._unreadable(Unreadable(where, "", str(error)), "vectors")
                    continue
                for name, vector in given.items():
                    self._stage.add_vector(name, vector)

    def read_kato3(self, clickhouse: str, redis: str) -> None:
        """Take everything of a KATO 3 installation.

        Args:
            clickhouse: URL, or a dump of its table; see :func:`table.rows_of`.
            redis: URL, or a dump of its keys; see :func:`keys.opened_keys`.

        Raises:
            StoreUnavailable: A server does not answer.
            UnreadableInput: A dump cannot be read.
        """
        with opened_keys(redis, self._work) as keys:
            self._read(kato3.rows_of(table.rows_of(clickhouse, self._work), keys))
            kato3.Symbols(keys, self._stage, self._targets, self._report).take(self._bases)

    def read_mongodb(self, paths: Iterable[str]) -> None:
        """Take everything of dumps of MongoDB.

        Raises:
            UnreadableInput: One cannot be read.
        """
        self._read(mongodb.rows_of(mongodb.files_of(paths)))

    def checked(self) -> dict[str, MovedIn]:
        """What would be moved in, by knowledge base."""
        counts = self._stage.knowledge_bases()
        return {name: MovedIn(patterns=patterns) for name, patterns in counts.items()}

    def move(self, memory: Memory) -> dict[str, MovedIn]:
        """Move everything in, and compare it.

        Returns:
            By knowledge base, what became of it.

        Raises:
            Conflict: Something else was moved in before; nothing was changed.
        """
        mover, counts = Mover(memory, self._stage), self._stage.knowledge_bases()
        moves = {name: mover.begun(name) for name in counts}
        moved = {}
        for name, move in moves.items():
            if move.is_done:
                moved[name] = MovedIn(patterns=counts[name], was_done=True)
                continue
            taken = mover.take(name, move, lambda more: self._told("moving in", more))
            differences = self._compare(memory, name, is_alone=move.is_alone)
            if not differences:
                mover.done(name, taken)
            moved[name] = MovedIn(patterns=counts[name], differences=differences)
        return moved

    def _read(self, rows: Iterable[Row | Unreadable]) -> None:
        checker = Checker(self._report.add, self._stage.vector)
        for row in rows:
            self.rows += 1
            self._told("reading", 1)
            if isinstance(row, Unreadable):
                self._unreadable(row, "row")
            else:
                self._take(row, checker)
        self._stage.seal()

    def _take(self, row: Row, checker: Checker) -> None:
        kb = self._targets[row.base]
        try:
            check_text(kb, "a knowledge base's name")
        except InvalidInput as error:
            self._unreadable(Unreadable(row.where, row.base, str(error)), "row")
            return
        copy = checker.copy(row)
        if copy is None:
            return
        self._bases.add(row.base)
        if not self._stage.add(kb, row.base, row.age, copy):
            reason = f"{copy.name} was there before, in the same knowledge base"
            self._tell(row.where, row.base, row.name, "doubled", reason)

    def _unreadable(self, row: Unreadable, subject: str) -> None:
        self._tell(row.where, row.base, "", subject, row.reason)

    def _tell(self, where: str, base: str, name: object, subject: str, reason: str) -> None:
        self._report.add(
            Finding(
                where=where, base=base, name=name, subject=subject, reason=reason, done=LEFT_OUT
            )
        )

    def _compare(self, memory: Memory, name: str, *, is_alone: bool) -> int:
        verifier = Verifier(memory.knowledge_base(name), self._stage, is_alone=is_alone)
        differences = 0
        for what, reason in verifier.differences():
            differences += 1
            self._report.add(
                Finding(
                    where="stored",
                    base=name,
                    name=what,
                    subject="difference",
                    reason=reason,
                    done="nothing",
                )
            )
        return differences


@contextmanager
def working_in(cache: Path, sources: Iterable[str]) -> Iterator[Path]:
    """A folder of our own for what is read from some sources; empty, and removed at the end.

    Raises:
        StoreInUse: Another process migrates from the same.
        UnreadableInput: It cannot be made.
    """
    digest = sha256(json.dumps(list(sources)).encode()).hexdigest()[:16]
    folder = cache / "migration" / digest
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise UnreadableInput(f"{str(folder)!a} cannot be made: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(
                "another process migrates from this source", remedy="wait until it is done"
            ) from None
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
