"""What came of a call, and which calls meet which faults in the suite."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType
from zlib import crc32

import msgspec
import pytest
from tests.support.faults import Fault

from kato.errors import KatoError

OVERTIME = 2.0
"""Seconds over a deadline in which a fault is told."""

SAMPLE = 16
"""One of so many cases is in the suite; the others are deep."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a call.

    Attributes:
        answer: What it answered.
        error: The kind of the error it ended with.
        text: What that said; not compared by :meth:`is_as`.
    """

    answer: object = None
    error: type[KatoError] | None = None
    text: str = ""

    def is_as(self, other: Outcome) -> bool:
        """Whether the answers are equal, or the errors of a kind."""
        return (self.answer, self.error) == (other.answer, other.error)


def outcome_of(act: Callable[[], object]) -> Outcome:
    """Call, and say what came of it."""
    try:
        return Outcome(act())
    except KatoError as error:
        return Outcome(error=type(error), text=str(error))


def cases(calls: Iterable[str], faults: tuple[Fault, ...]) -> list[object]:
    """Each call under each fault; a sample of them is not deep."""
    return [
        pytest.param(call, fault, marks=() if _is_in_sample(call, fault) else pytest.mark.deep)
        for call in calls
        for fault in faults
    ]


SHOWN = {
    *(("PatternTables.counts", "cut"), ("Channel.listen", "silent")),
    *(("Connection.pipelined", "reset"), ("Counters.learn", "lost")),
}
"""Cases that showed a defect, or would show the worst one: they are in the suite."""


def _is_in_sample(call: str, fault: Fault) -> bool:
    return (call, fault) in SHOWN or crc32(f"{call} {fault}".encode()) % SAMPLE == 0


def methods_of(kinds: Iterable[type]) -> set[str]:
    """The public methods of classes, as the tables name them."""
    return {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, method in inspect.getmembers(kind)
        if not name.startswith("_") and (callable(method) or isinstance(method, property))
    }


def classes_that_take(parameter: str, package: ModuleType) -> set[str]:
    """The public classes of a package that are made of such a parameter: they ask it."""
    modules = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return {
        name
        for module in modules
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if kind.__module__ == module.name
        and not name.startswith("_")
        and parameter in inspect.signature(kind.__init__).parameters
    }
