"""Running steps, without I/O: each call is sent again as long as that is safe and may help."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

import msgspec

from kato.client.call import Call, Steps
from kato.client.failures import Answer, Lost, error_of, lost, unreadable
from kato.errors import KatoError

RETRIES = 4
"""How often a call is sent again before its failure is told."""

LONGEST_PAUSE = 10.0
"""Seconds; a service that wants a longer pause is not asked again."""

PASSING = (429, 502, 503, 504, 507)
"""Statuses of failures that may be over soon; 507 is a journal that is being emptied."""

T = TypeVar("T")


class Pause(msgspec.Struct, frozen=True):
    """A wish to wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


Wish = Call[Any] | Pause
Outcome = Answer | Lost | None
Run = Generator[Wish, Outcome, T]
"""What is to be done, one after the other: a call, resumed with what came of it, or a pause."""


def run(steps: Steps[T], address: str, retries: int = RETRIES) -> Run[T]:
    """Carry out the steps; what they return is returned.

    Args:
        steps: Calls; the error that a call ends in is thrown into them.
        address: Where the service is, for messages.
        retries: How often a call is sent again.
    """
    resume: Callable[[], Call[Any]] = partial(next, steps)
    while True:
        try:
            call = resume()
        except StopIteration as done:
            answer: T = done.value
            return answer
        try:
            found = yield from _carried_out(call, address, retries)
        except KatoError as error:
            resume = partial(steps.throw, error)
        else:
            resume = partial(steps.send, found)


def _carried_out(call: Call[T], address: str, retries: int) -> Run[T]:
    attempt = 0
    while True:
        outcome = yield call
        assert outcome is not None  # noqa: S101 - for the type checker: only a pause has none
        if isinstance(outcome, Answer) and outcome.status == 200:
            return _read(call, address, outcome)
        pause = pause_before_next(call, outcome, attempt) if attempt < retries else None
        if pause is None:
            raise _failure(call, address, outcome)
        yield Pause(pause)
        attempt += 1


def _failure(call: Call[Any], address: str, outcome: Answer | Lost) -> KatoError:
    if isinstance(outcome, Lost):
        return lost(call, address, outcome)
    return error_of(call, outcome)


def _read(call: Call[T], address: str, answer: Answer) -> T:
    try:
        return call.read(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(address, answer, str(error)) from None


def pause_before_next(call: Call[Any], outcome: Answer | Lost, attempt: int) -> float | None:
    """Seconds to wait before the call is sent again; None if it must not be, or in vain.

    A call that changes something and has no key may have been carried out: it is not repeated. A
    service that did not answer in time is busy; once more would not help it.

    Args:
        call: The call.
        outcome: What came of it.
        attempt: How often it was sent again already.
    """
    if not call.is_repeatable:
        return None
    backoff = min(2.0, 0.1 * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311
    if isinstance(outcome, Lost):
        return None if outcome.timed_out else backoff
    if outcome.status not in PASSING:
        return None
    wished = outcome.headers.get("retry-after", "")
    pause = max(backoff, float(wished)) if wished.isdecimal() else backoff
    return pause if pause <= LONGEST_PAUSE else None
