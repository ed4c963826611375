"""Who goes on next: one task at a time, chosen by a seed.

Tasks are threads, so that the code under test runs as it is; but each goes on only when it is told
to, and gives the turn back wherever it waits for a store or sleeps. So a seed decides every
interleaving, and the same seed decides the same. Time is the scheduler's: a
sleep lasts as long as others take until it is chosen, and moves the clock by what the seed says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

SLEEPING = 0.2
"""How likely who sleeps is considered at a choice, so that idle writers do not fill a schedule."""

MOST_CHOICES = 20_000
"""No schedule needs so many: something turns round and round."""


class ProcessDied(BaseException):  # no Exception: what catches those dies as well
    """The process that a task was in is no more."""


class Ended(BaseException):
    """The schedule is at its end."""


class EndlessError(Exception):
    """A schedule does not come to its end."""


def _held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Task:
    """Something that is done step by step.

    Args:
        name: For the trace.
        work: What is done.

    Attributes:
        process: The process it is in, if it is in one.
        operation: The operation it is about, if there is one.
        sleeping: Whether it waits for time to pass.
        dead: Whether the process it was in died; it learns of it when it goes on.
        failure: What ended it, if nobody caught it.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.process: Any = None
        self.operation: Any = None
        self.sleeping = False
        self.dead = False
        self.finished = False
        self.failure: BaseException | None = None
        self.ready: Callable[[], bool] = lambda: True
        self._work = work
        self.turn = _held()

    def run(self, scheduler: Scheduler) -> None:
        self.turn.acquire()
        try:
            scheduler.check_goes_on(self)
            self._work()
        except (ProcessDied, Ended):
            pass
        except BaseException as error:  # noqa: BLE001 - told by the scheduler
            self.failure = error
        self.finished = True
        scheduler.back.release()


class Scheduler:
    """Runs tasks and other events in an order that a seed decides.

    Args:
        seed: Decides everything.
        longest_sleep: Seconds by which a sleep moves the clock at the most, whatever was asked for.

    Attributes:
        random: Where all decisions come from.
        events: Asked before each choice: what else may happen now, each by calling it.
        trace: What happened.
        current: The task whose turn it is.
    """

    def __init__(self, seed: str, longest_sleep: float) -> None:
        self._longest_sleep = longest_sleep
        self.random = Random(seed)
        self.events: Callable[[], list[Callable[[], None]]] = list
        self.trace: list[str] = []
        self.current: Task | None = None
        self.tasks: list[Task] = []
        self.back = _held()
        self._seconds = 0.0
        self._is_ending = False

    def start(self, task: Task) -> None:
        """Let a task take part from now on."""
        self.tasks.append(task)
        threading.Thread(target=task.run, args=(self,), name=task.name, daemon=True).start()

    def run(self, until: Callable[[], bool]) -> None:
        """Make choices until there is nothing more to wait for.

        Raises:
            EndlessError: There is always more.
        """
        for _ in range(MOST_CHOICES):
            if until():
                return
            self._choose()
        raise EndlessError(f"not at an end after {MOST_CHOICES} choices")

    def end(self) -> None:
        """End all tasks wherever they are."""
        self._is_ending = True
        for task in list(self.tasks):
            self._give_turn(task)

    def check_goes_on(self, task: Task) -> None:
        """Refuse to go on with a task whose process died.

        Raises:
            ProcessDied: It died.
            Ended: The schedule is at its end.
        """
        if self._is_ending:
            raise Ended
        if task.dead:
            raise ProcessDied

    def wait(self, ready: Callable[[], bool], *, sleeping: bool = False) -> None:
        """Give the turn back until something is ready. For tasks.

        Raises:
            ProcessDied: The process that the task is in died meanwhile.
        """
        task = self.current
        assert task is not None
        self.check_goes_on(task)
        task.ready, task.sleeping = ready, sleeping
        self.back.release()
        task.turn.acquire()
        task.sleeping = False
        self.check_goes_on(task)

    def sleep(self, _seconds: float = 0.0) -> None:
        """Wait for any time at all. In place of :func:`time.sleep`."""
        self._seconds += self.random.uniform(0.0, self._longest_sleep)
        self.wait(lambda: True, sleeping=True)

    def monotonic(self) -> float:
        """Seconds. In place of :func:`time.monotonic`."""
        return self._seconds

    @contextmanager
    def replacing_time(self) -> Iterator[None]:
        """Sleep and read the clock by this scheduler."""
        with (
            patch("time.sleep", self.sleep),
            patch("redis.retry.sleep", self.sleep),
            patch("time.monotonic", self.monotonic),
        ):
            yield

    def _choose(self) -> None:
        ready = [task for task in self.tasks if task.dead or task.ready()]
        awake: list[Any] = [t for t in ready if not t.sleeping or self.random.random() < SLEEPING]
        choices = [*awake, *self.events()] or ready
        choice = self.random.choice(choices)
        if isinstance(choice, Task):
            self._give_turn(choice)
        else:
            choice()

    def _give_turn(self, task: Task) -> None:
        self.current = task
        task.turn.release()
        self.back.acquire()
        self.current = None
        if task.finished:
            self.tasks = [other for other in self.tasks if other is not task]
        if task.failure is not None:
            raise task.failure
