"""What a bridge observes and guesses, beside the baselines, for who watches it live."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from kato.cli.display.text import NOTHING, event_text
from kato.market.backtest import Baselines

if TYPE_CHECKING:
    from kato.market.encoding import Encoding
    from kato.market.observing import Bridge, Guess, Seen

SHOWN = 6
"""Events that are shown."""


class Score(msgspec.Struct):
    """How often the next symbol was right, of the events about which was guessed before they came.

    Attributes:
        feature: Whose symbol.
        observed: Events observed.
        learned: Windows learned.
        guesses: Events about which KATO guessed before they came.
        right: Those about which it was right.
        after_last: Those about which the symbol that most often came after the last was right.
        most_frequent: Those about which the most frequent symbol was right.
    """

    feature: str
    observed: int = 0
    learned: int = 0
    guesses: int = 0
    right: int = 0
    after_last: int = 0
    most_frequent: int = 0


class Line(msgspec.Struct, frozen=True):
    """An observed event as a line of ``--json``.

    Attributes:
        time: When the candle begins or the trade was made, ns since 1970.
        event: What was observed.
        learned: Name of the pattern that was learned with it.
        guessed: What was guessed before it came, by feature.
    """

    time: int
    event: list[str]
    learned: str | None
    guessed: dict[str, Guess]


class Watcher:
    """Follows a bridge, step by step.

    Args:
        bridge: As it is, before anything was observed here.
        feature: Whose symbol is counted; the encoding's first by default.

    Attributes:
        encoding: How items become events.
        score: How often it was right.
        guesses: What is guessed now.
        lines: The newest events.
    """

    def __init__(self, bridge: Bridge, feature: str | None = None) -> None:
        self._bridge = bridge
        self.encoding = bridge.encoding
        self.score = Score(feature or bridge.encoding.features[0])
        self.guesses: dict[str, Guess] = bridge.guesses()
        self.lines: deque[Line] = deque(maxlen=SHOWN)
        self._baselines = Baselines(self.score.feature)

    def step(self) -> list[Line] | None:
        """Observe what is new, and guess what comes next; None if nothing was new."""
        seen = self._bridge.step()
        if seen is None:
            return None
        lines = [self._take(each) for each in seen]
        if seen:
            self.guesses = self._bridge.guesses()
        return lines

    def _take(self, seen: Seen) -> Line:
        score, baselines = self.score, self._baselines
        came = baselines.symbol_of(seen.event)
        guess = self.guesses.get(score.feature)
        if guess is not None:
            score.guesses += 1
            score.right += guess.symbol == came
            score.after_last += baselines.after_last() == came
            score.most_frequent += baselines.most_frequent() == came
        baselines.count(seen.event)
        score.observed += 1
        score.learned += seen.learned is not None
        line = Line(seen.item.time, seen.event, seen.learned, self.guesses)
        self.guesses = {}  # of several that came at once, only the first was guessed
        self.lines.append(line)
        return line


def lines_table(watcher: Watcher) -> Table:
    """The newest events, and what was guessed of each before it came."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("time", "observed", "KATO guessed", ""):
        table.add_column(name, no_wrap=True)
    for line in watcher.lines:
        table.add_row(*_cells(line, watcher.score.feature))
    next_one = watcher.guesses.get(watcher.score.feature)
    table.add_row("next", Text(NOTHING, style="dim"), _guess_text(next_one), "")
    return table


def line_text(line: Line, feature: str) -> Text:
    """An event as a line of text."""
    time, event, guessed, mark = _cells(line, feature)
    return Text.assemble(time, "  ", event, "  guessed ", guessed, " ", mark)


def score_text(score: Score) -> Text:
    """How often it was right, beside the baselines."""
    if not score.guesses:
        return Text(f"{score.observed:,} observed, nothing guessed yet", style="dim")
    asked = score.guesses
    shares = (score.right / asked, score.after_last / asked, score.most_frequent / asked)
    return Text.assemble(
        f"{score.observed:,} observed, {score.learned:,} windows learned, {asked:,} guesses of ",
        (score.feature, "bold"),
        ": right ",
        (f"{shares[0]:.0%}", "bold green"),
        f", order-1 transitions {shares[1]:.0%}, most frequent {shares[2]:.0%}",
    )


def encoding_text(encoding: Encoding) -> Text:
    """How items become events."""
    levels = ", ".join(
        f"{name} by {', '.join(f'{cut + 0.0:.3g}' for cut in bins.cuts)}"
        for name, bins in encoding.bins.items()
    )
    return Text(f"{encoding.method} bins, {levels}", style="dim")


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that is set when somebody asks the process to stop, with Ctrl-C or a signal."""
    stop = threading.Event()

    def ask(_number: int, _frame: Any) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _cells(line: Line, feature: str) -> tuple[str, str, Text, Text]:
    from kato.market.moments import written  # noqa: PLC0415 - help must not wait

    guess = line.guessed.get(feature)
    if guess is None:
        mark = Text("")
    else:
        right = guess.symbol in line.event
        mark = Text("✓" if right else "✗", style="green" if right else "red")
    return (
        written(line.time)[:19].replace("T", " "),
        event_text(line.event),
        _guess_text(guess),
        mark,
    )


def _guess_text(guess: Guess | None) -> Text:
    if guess is None:
        return Text(NOTHING, style="dim")
    return Text(f"{guess.symbol} ({guess.share:.0%})", style="bold")
