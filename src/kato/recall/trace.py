"""What a recall did, step by step: written by whatever does it, if somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from kato.model.explanation import Step
from kato.storage.clickhouse.meter import metered
from kato.storage.ledger.journal import Sequences

if TYPE_CHECKING:
    from kato.recall.query import StageReport


MATCH = "match"
"""The step that looks at what passed the filters."""


_HEARD: ContextVar[Callable[[Trace, float], None] | None] = ContextVar("heard", default=None)


@contextmanager
def hearing(heard: Callable[[Trace, float], None]) -> Iterator[None]:
    """Hear of each answer to a prediction of this context: its trace, and the seconds it took."""
    token = _HEARD.set(heard)
    try:
        yield
    finally:
        _HEARD.reset(token)


def listener() -> Callable[[Trace, float], None] | None:
    """Who hears of this context's predictions; None if nobody does."""
    return _HEARD.get()


class Trace:
    """Records one recall.

    Args:
        watched: The id of a pattern to watch for behind the filters; 0 if there is none.

    Attributes:
        plan: The plan that answers.
        why: Why this plan.
        round: The round that steps belong to.
        steps: What was done, in order.
        filters: What each filter did, as far as they were reached.
        passed: Whether the watched pattern passed the filters.

    >>> trace = Trace()
    >>> for _ in range(2):
    ...     with step(trace, "scan", 500) as tally:
    ...         tally.rows, tally.kept = 7, 3
    >>> [(each.name, each.candidates_in, each.candidates_out) for each in trace.steps]
    [('scan', 1000, 3)]
    """

    def __init__(self, watched: int = 0) -> None:
        self._watched = watched
        self.plan = "none"
        self.why = "there is nothing to look for"
        self.round = 1
        self.steps: list[Step] = []
        self.filters: Sequence[StageReport] = ()
        self.passed = False

    def chosen(self, plan: str, why: str) -> None:
        """Note the plan."""
        self.plan, self.why = plan, why

    def add(self, done: Step) -> None:
        """Note a step; one that goes on with the last is added to it."""
        last = self.steps[-1] if self.steps else None
        if last is not None and (last.name, last.round) == (done.name, done.round):
            self.steps[-1] = _together(last, done)
        else:
            self.steps.append(done)

    def filtered(self, filters: Sequence[StageReport], compiled: int) -> None:
        """Note filters before what looked at the patterns they let through.

        They share their statements, so what these answered stands with the first.

        Args:
            filters: What each did, as far as they were reached.
            compiled: How many of them ClickHouse evaluated.
        """
        if not self.steps:  # there is no pattern
            return
        self.filters, match = filters, self.steps.pop()
        for at, done in enumerate(filters):
            rows = 0 if at < compiled else done.candidates_before
            self.steps.append(_filter_step(done, rows, match if at == 0 else None))
        self.steps.append(
            msgspec.structs.replace(
                match,
                candidates_in=match.rows_read,
                bytes_read=0,
                time_ms=max(0.0, match.time_ms - sum(done.time_ms for done in filters)),
                details={},
            )
        )

    def watching(self, blocks: Iterable[Sequences]) -> Iterator[Sequences]:
        """The same blocks, watched for the pattern."""
        for block in blocks:
            self.passed = self.passed or bool((block.ids == self._watched).any())
            yield block


class Tally:
    """What a step counts while it is taken.

    Attributes:
        candidates: Patterns it answers for.
        rows: Patterns whose symbols were read.
        kept: Patterns that are left.
        details: Other counts.
    """

    def __init__(self, candidates: int) -> None:
        self.candidates = candidates
        self.rows = 0
        self.kept = 0
        self.details: dict[str, int] = {}

    def reading(self, blocks: Iterable[Sequences]) -> Iterator[Sequences]:
        """The same blocks, counted."""
        for block in blocks:
            self.rows += len(block.ids)
            yield block


@contextmanager
def step(trace: Trace | None, name: str, candidates: int = 0) -> Iterator[Tally]:
    """Take a step; it is noted if there is a trace and anything to do.

    Steps do not lie within each other.

    Args:
        trace: Where to note it.
        name: As in :class:`kato.model.explanation.Step`.
        candidates: Patterns it answers for, if that is known by then.
    """
    tally = Tally(candidates)
    if trace is None:
        yield tally
        return
    started = perf_counter()
    with metered() as meter:
        yield tally
    if not tally.candidates:
        return
    trace.add(
        Step(
            name=name,
            round=trace.round,
            candidates_in=tally.candidates,
            candidates_out=tally.kept,
            rows_read=tally.rows,
            bytes_read=meter.bytes,
            time_ms=(perf_counter() - started) * 1000,
            details=_counted(tally.details, meter.statements),
        )
    )


def _filter_step(done: StageReport, rows: int, asking: Step | None) -> Step:
    cut = {"cut": done.candidates_cut} if done.candidates_cut else {}
    return Step(
        name=f"filter {done.filter}",
        round=1,
        candidates_in=done.candidates_before,
        candidates_out=done.candidates_after,
        rows_read=rows,
        bytes_read=asking.bytes_read if asking else 0,
        time_ms=done.time_ms,
        details={**cut, **(asking.details if asking else {})},
    )


def _counted(details: dict[str, int], statements: int) -> dict[str, int]:
    return {**details, "statements": statements} if statements else details


def _together(one: Step, other: Step) -> Step:
    names = [*one.details, *(name for name in other.details if name not in one.details)]
    return msgspec.structs.replace(
        other,
        candidates_in=one.candidates_in + other.candidates_in,
        rows_read=one.rows_read + other.rows_read,
        bytes_read=one.bytes_read + other.bytes_read,
        time_ms=one.time_ms + other.time_ms,
        details={name: one.details.get(name, 0) + other.details.get(name, 0) for name in names},
    )
