"""``kato market demo``: simulated exchange, feed, ingest and memory, live in one terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

import kato
from kato.cli.display.console import answers
from kato.cli.market import opening, show
from kato.cli.market.observe import Choice, watcher_of

if TYPE_CHECKING:
    from kato.cli.market.watching import Watcher
    from kato.market.market import Market
    from kato.market.streams import Stream
    from kato.market.trial import Trial, Tried

KB = "market demo"
EXCHANGE, SYMBOL = "binance", "BTC/USDT"
CHOICE = Choice("1m", bins=3, window=5, method="quantile", features=None, fill=False)
FITTED_TO = 20
"""Candles to which the bins are fitted."""

LOOK_SECONDS = 0.25
SHOWN = 5


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="End after that time [dim](default: when stopped)[/]."),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=1, help="How much faster time runs on the exchange.")
    ] = 60.0,
    rate: Annotated[float, typer.Option(min=0.1, help="Trades a second.")] = 100.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same prices.")] = 0,
    faults: Annotated[
        bool,
        typer.Option("--faults", help="Also lose, repeat and shuffle trades, and hang up."),
    ] = False,
) -> None:
    """Try everything with one command: an exchange, its feed, candles, and a memory that learns.

    An exchange is simulated on this machine; its time runs faster, so that a minute's candle takes
    a second. Its prices walk at random, so nobody can foretell them: KATO should be no better than
    the baselines, and says so. All of it is thrown away at the end. Stop it with Ctrl-C.
    """
    from kato.cli.market.watching import stopping  # noqa: PLC0415 - help must not wait
    from kato.market.simulator import Faults  # noqa: PLC0415
    from kato.market.trial import Tried  # noqa: PLC0415

    chosen = Faults.mild() if faults else Faults()
    tried = Tried(rate=rate, speed=speed, seed=seed, faults=chosen)
    console = answers()
    with stopping() as stop, _running(tried) as (memory, trial, market):
        stage = _Stage(memory, trial, market, console)
        until = None if seconds is None else time.monotonic() + seconds
        with stage:
            while not stop.wait(LOOK_SECONDS) and (until is None or time.monotonic() < until):
                trial.check()
                stage.look()
    console.print(stage.end())


@contextmanager
def _running(tried: Tried) -> Iterator[tuple[kato.Memory, Trial, Market]]:
    from kato.market.ingest.running import settings_for  # noqa: PLC0415 - help must not wait
    from kato.market.trial import Trial  # noqa: PLC0415

    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="kato-")))
        memory = opened.enter_context(kato.open(folder))
        market = opened.enter_context(opening.layers_of(memory))
        trial = opened.enter_context(Trial(memory, settings_for(folder), tried))
        yield memory, trial, market


class _Stage:
    """What is shown: on a terminal one picture that changes, else a line for each event."""

    def __init__(self, memory: kato.Memory, trial: Trial, market: Market, console: Console) -> None:
        self._memory = memory
        self._trial = trial
        self._market = market
        self._console = console
        self._watcher: Watcher | None = None
        self._live: Live | None = None

    def __enter__(self) -> None:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        else:
            self._console.print(self._state())

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def look(self) -> None:
        """Observe what is new, and show it."""
        from kato.cli.market.watching import line_text  # noqa: PLC0415 - help must not wait

        if self._watcher is None:
            self._watcher = self._begun()
        lines = self._watcher.step() if self._watcher is not None else None
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
        elif self._watcher is not None:
            for line in lines or ():
                feature = self._watcher.score.feature
                self._console.print(line_text(line, feature), soft_wrap=True)

    def end(self) -> Group:
        """What it came to."""
        from kato.cli.market.watching import score_text  # noqa: PLC0415 - help must not wait

        parts: list[RenderableType] = [self._state()]
        if self._watcher is not None:
            parts.append(score_text(self._watcher.score))
        parts.append(Text("Yours: kato market feed binance, and kato market observe BTC/USDT."))
        return Group(*parts)

    def _begun(self) -> Watcher | None:
        """A bridge, as soon as there are candles to fit its bins to."""
        from kato.market.observing import agree  # noqa: PLC0415 - help must not wait
        from kato.market.streams import all_of  # noqa: PLC0415

        stream = self._stream()
        items = all_of(stream)
        if len(items) < FITTED_TO:
            return None
        encoding = agree(self._memory, KB, CHOICE.fit(items))
        return watcher_of(self._memory, KB, stream, encoding, events=4)

    def _stream(self) -> Stream:
        from kato.market.streams import CandleStream  # noqa: PLC0415 - help must not wait

        clock = self._trial.clock.time_ns
        return CandleStream(self._market, EXCHANGE, SYMBOL, "1m", sealed=True, clock=clock)

    def _picture(self) -> Group:
        from kato.cli.market import watching  # noqa: PLC0415 - help must not wait
        from kato.market.answers import Range  # noqa: PLC0415

        newest = self._market.candles(SYMBOL, "1m", EXCHANGE, Range(limit=SHOWN))
        parts: list[RenderableType] = [self._state(), show.candle_table(newest, brief=True)]
        watcher = self._watcher
        if watcher is None:
            return Group(*parts, Text(f"{FITTED_TO} candles are waited for, to fit bins to"))
        encoding = watching.encoding_text(watcher.encoding)
        score = watching.score_text(watcher.score)
        return Group(*parts, encoding, watching.lines_table(watcher), score)

    def _state(self) -> Text:
        counts, report = self._trial.counts, self._trial.ingest.report
        missing, again = counts.notes["gap"], counts.notes["duplicate"]
        return Text.assemble(
            (f"{EXCHANGE} {SYMBOL} ", "bold"),
            f"{counts.state}: {counts.trades:,} trades received, {report.new:,} distinct ones in"
            f" the layers, the newest after {report.delay * 1000:.0f} ms; {missing} missing,"
            f" {again} again, {sum(counts.failures.values())} connections lost",
        )
