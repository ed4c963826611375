"""Sign language utterances as sequences of events with several symbols.

The data (SignStream, Boston University) says for each utterance when each gestural or grammatical
field was seen: ``utterance field start end`` a line. Fields that overlap in time make one event:
taken by their start, a field joins the event as long as it begins before the first of the event's
fields ends, so all fields of an event are seen at once; else it begins the next event.

    python examples/sign_language.py ../shared/data/sign_language.txt > signs.jsonl
    kato learn signs.jsonl --kb signs
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple


class Interval(NamedTuple):
    """A field of an utterance, seen from start to end."""

    utterance: int
    start: int
    end: int
    field: str


def main() -> None:
    """Write the utterances of the file given as JSON Lines."""
    for events in utterances(Path(sys.argv[1])):
        print(json.dumps({"events": events}))


def utterances(path: Path) -> Iterator[list[list[str]]]:
    """The events of each utterance of a file."""
    lines = path.read_text().splitlines()
    intervals = sorted(interval(line) for line in lines if line.strip() and line[0] != "#")
    for _, group in groupby(intervals, key=lambda interval: interval.utterance):
        yield events(group)


def interval(line: str) -> Interval:
    """The interval a line describes."""
    utterance, field, start, end = line.split()
    return Interval(int(utterance), int(start), int(end), f"field{field}")


def events(intervals: Iterable[Interval]) -> list[list[str]]:
    """Fields that overlap, gathered to events; the intervals come by their start.

    >>> events([Interval(1, 0, 5, "a"), Interval(1, 3, 9, "b"), Interval(1, 5, 6, "c")])
    [['a', 'b'], ['c']]
    """
    gathered: list[list[str]] = []
    ends = 0
    for interval in intervals:
        if not gathered or interval.start >= ends:
            gathered.append([])
            ends = interval.end
        gathered[-1].append(interval.field)
        ends = min(ends, interval.end)
    return gathered


if __name__ == "__main__":
    main()
