"""Long sequences cut to windows, so that a pattern stays of a size that recalls well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kato.cli.reading.item import Accepted, Item
from kato.errors import InvalidInput
from kato.model.example import Example
from kato.model.pattern import MIN_LENGTH

_Events = Sequence[Sequence[str]]


class Window(msgspec.Struct, frozen=True):
    """How long sequences are cut.

    Windows of ``size`` events begin every ``step`` events until one reaches the end. The last one
    may be shorter; one with fewer than two symbols is left out, since it could be no pattern. A
    sequence that fits into one window stays whole. Each window keeps the emotives and metadata.

    Attributes:
        size: Events in a window.
        step: Events from the begin of one window to the next, at most ``size``.

    >>> events = [["a"], ["b"], ["c"], ["d"], ["e"]]
    >>> [len(part) for part in Window(3, 2).parts(events)]
    [3, 3]
    """

    size: int
    step: int

    @classmethod
    def of(cls, size: int, step: int | None = None) -> Window:
        """A window; without a step one begins where the one before ends.

        Raises:
            InvalidInput: Size or step is below 1, or the step would pass over events.
        """
        step = size if step is None else step
        if size < 1 or not 1 <= step <= size:
            raise InvalidInput(
                f"a window of {size} events with step {step} would lose events",
                remedy="the window must be 1 or more, the step between 1 and the window",
            )
        return cls(size, step)

    def cut(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each accepted sequence cut to its windows."""
        for item in items:
            if isinstance(item, Accepted) and len(item.example.events) > self.size:
                yield from self._cut(item)
            else:
                yield item

    def parts(self, events: _Events) -> Iterator[_Events]:
        """The windows of the events."""
        last = max(len(events) - self.size, 0)
        for start in range(0, last + self.step, self.step):
            part = events[start : start + self.size]
            if start == 0 or sum(map(len, part)) >= MIN_LENGTH:
                yield part

    def _cut(self, item: Accepted) -> Iterator[Item]:
        example = item.example
        for part in self.parts(example.events):
            cut = Example(part, example.emotives, example.metadata)
            yield Accepted(cut, item.file, item.line)
