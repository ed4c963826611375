"""``kato market observe`` and ``backtest``: markets as something to remember."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

import kato
from kato.cli import options
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.text import safe
from kato.cli.market import opening
from kato.cli.market.options import Direct, InstrumentsFile, MetricsPort, measured, settings_of
from kato.errors import InvalidInput

if TYPE_CHECKING:
    from kato.cli.market.opening import AnyMarket
    from kato.cli.market.watching import Watcher
    from kato.market.backtest import Backtest, Share
    from kato.market.encoding import Encoding
    from kato.market.streams import Item, Stream
    from kato.memory import Memory

KB = "market"
_BAR = 30

_ENCODING = "How events are made"
What = Annotated[
    str,
    typer.Option("--timeframe", help="1m, 5m, 15m, 30m, 1h or 1d; trades for trades themselves."),
]
Bins = Annotated[
    int, typer.Option(help="Levels of each feature, odd.", rich_help_panel=_ENCODING, min=3)
]
Window = Annotated[
    int,
    typer.Option(
        help="How many before one its volume is compared with.", rich_help_panel=_ENCODING, min=1
    ),
]
Method = Annotated[str, typer.Option(help="quantile or sax.", rich_help_panel=_ENCODING)]
Features = Annotated[
    str | None,
    typer.Option(
        help="Of ret, rng and vol (of trades: ret, vol, side) by commas [dim](default: all)[/].",
        rich_help_panel=_ENCODING,
        show_default=False,
    ),
]
Fill = Annotated[
    bool,
    typer.Option(
        "--fill",
        help="A time without trades, between two that had some, is a candle too.",
        rich_help_panel=_ENCODING,
    ),
]
EventCount = Annotated[
    int, typer.Option("--events", help="Events of the windows that are learned.", min=2)
]


class Choice(msgspec.Struct, frozen=True):
    """How an encoding is to be fitted; see :func:`kato.market.encoding.fit`."""

    timeframe: str
    bins: int
    window: int
    method: str
    features: str | None
    fill: bool

    def fit(self, items: list[Item]) -> Encoding:
        """Fit it.

        Raises:
            InvalidConfig: It is no choice.
            InvalidInput: There are too few items.
        """
        from kato.market.encoding import fit  # noqa: PLC0415 - help must not wait

        names = [name for name in (self.features or "").split(",") if name]
        return fit(
            (item.tick for item in items),
            timeframe=self.timeframe,
            bins=self.bins,
            window=self.window,
            method=self.method,  # type: ignore[arg-type]  # fit refuses what is none
            features=names or None,
            fill=self.fill,
        )

    @property
    def least(self) -> int:
        """Items without which nothing can be fitted."""
        return self.window + self.bins


def observe(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbol: opening.Symbol,
    kb: options.KnowledgeBaseName = KB,
    timeframe: What = "1m",
    exchange: opening.Exchange = "",
    since: opening.Since = None,
    events: EventCount = 5,
    bins: Bins = 5,
    window: Window = 20,
    method: Method = "quantile",
    features: Features = None,
    fill: Fill = False,
    soon: Annotated[
        bool,
        typer.Option(
            "--soon",
            help="Observe a candle as soon as its time and ten seconds are over, and do not wait"
            " until it is sealed.",
        ),
    ] = False,
    ingest: Annotated[
        bool | None,
        typer.Option(
            "--ingest/--no-ingest",
            help="Also carry the log to the layers [dim](default: if the stores are embedded)[/].",
            show_default=False,
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all that is there was observed.")
    ] = False,
    instruments: InstrumentsFile = None,
    direct: Direct = False,
    metrics_port: MetricsPort = None,
    json: options.Json = False,
) -> None:
    """Observe a market as it comes: learn each window of events, and guess what comes next.

    Candles (or trades) become events such as ret:+2 rng:3 vol:1. The first time, the bins are
    fitted to what is there, and kept with the knowledge base. Ended at any moment, it goes on where
    it was.

      kato market observe BTC/USDT --timeframe 5m --since 30d
    """
    from kato.cli.market.watching import stopping  # noqa: PLC0415 - help must not wait
    from kato.market.ingest.running import ingesting  # noqa: PLC0415

    common = context.find_object(options.Common) or options.Common()
    if common.url is not None:
        raise InvalidInput("observing needs the stores themselves", remedy="leave out --url")
    settings = settings_of(context, direct=direct)
    choice = Choice(timeframe, bins, window, method, features, fill)
    begin = opening.range_of(since, None, 1).since
    with ExitStack() as opened:
        stop = opened.enter_context(stopping())
        opened.enter_context(measured(metrics_port))
        memory = opened.enter_context(kato.open(common.data_dir))
        if ingest if ingest is not None else settings.clickhouse_url is None:
            opened.enter_context(ingesting(memory, settings, instruments=instruments))
        market = opened.enter_context(opening.layers_of(memory))
        where = _where(market, symbol, exchange, stop, once=once)
        stream = stream_of(market, where, symbol, choice, begin=begin, sealed=not soon)
        encoding = _agreed(memory, kb, stream, choice, stop, once=once)
        if encoding is None:
            return
        watcher = watcher_of(memory, kb, stream, encoding, events)
        _watch(watcher, stop, once=once, json=json)
        _print_end(watcher, json=json)


def backtest(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbol: opening.Symbol,
    timeframe: What = "1m",
    exchange: opening.Exchange = "",
    since: opening.Since = None,
    feature: Annotated[str, typer.Option(help="Whose next symbol is asked for.")] = "ret",
    learned: Annotated[
        float, typer.Option(help="Share that is history before the first question, 0 to 1.")
    ] = 0.5,
    questions: Annotated[int, typer.Option(help="Most questions, evenly spaced.", min=1)] = 1000,
    events: EventCount = 5,
    bins: Bins = 5,
    window: Window = 20,
    method: Method = "quantile",
    features: Features = None,
    fill: Fill = False,
    json: options.Json = False,
) -> None:
    """Say how often the next symbol would have been right, walking through history as it came.

    The bins are fitted to the first half, which is learned. From there on each answer is given
    before the event is observed, into stores that are thrown away afterwards, beside two baselines
    and with 95 % intervals.

      kato market backtest BTC/USDT --timeframe 5m --since 90d
    """
    from kato.market.backtest import Plan, history_of  # noqa: PLC0415 - help must not wait
    from kato.market.backtest import backtest as walk  # noqa: PLC0415
    from kato.market.streams import all_of  # noqa: PLC0415

    choice = Choice(timeframe, bins, window, method, features, fill)
    plan = Plan(feature=feature, learned=learned, events=events, questions=questions)
    begin = opening.range_of(since, None, 1).since
    with opening.opened_market(context) as market:
        where = opening.traded(market, symbol, exchange).exchange
        items = all_of(stream_of(market, where, symbol, choice, begin=begin, sealed=False))
    encoding = choice.fit([*history_of(items, plan)])
    with TemporaryDirectory(prefix="kato-") as folder, kato.open(folder) as memory:
        found = walk(memory.knowledge_base(), items, encoding, plan)
    if json:
        print_json(found)
    else:
        answers().print(_backtest_table(found))


def stream_of(  # noqa: PLR0913 - each is a choice of its own, said by name
    market: AnyMarket,
    exchange: str,
    symbol: str,
    choice: Choice,
    *,
    begin: int = 0,
    sealed: bool = True,
) -> Stream:
    """What is chosen, as a stream."""
    from kato.market.encoding import TRADES  # noqa: PLC0415 - help must not wait
    from kato.market.streams import CandleStream, TradeStream  # noqa: PLC0415

    if choice.timeframe == TRADES:
        return TradeStream(market, exchange, symbol, begin=begin)
    return CandleStream(
        market, exchange, symbol, choice.timeframe, begin=begin, fill=choice.fill, sealed=sealed
    )


def watcher_of(memory: Memory, kb: str, stream: Stream, encoding: Encoding, events: int) -> Watcher:
    """A bridge into a knowledge base, and who watches it; it counts for ``/metrics``."""
    from kato.cli.market.watching import Watcher  # noqa: PLC0415 - help must not wait
    from kato.market.measures import PROCESS  # noqa: PLC0415
    from kato.market.observing import Bridge, session_for  # noqa: PLC0415

    session = session_for(memory.knowledge_base(kb), stream, events=events)
    return Watcher(Bridge(session, encoding, stream, PROCESS.bridges[kb]))


def _where(
    market: AnyMarket, symbol: str, exchange: str, stop: threading.Event, *, once: bool
) -> str:
    """The exchange; a first trade is waited for where one could come."""
    while True:
        try:
            return opening.traded(market, symbol, exchange).exchange
        except InvalidInput:
            known = [each for each in market.symbols() if each.symbol == symbol]
            if once or known or stop.is_set():
                raise
            stop.wait(1.0)


def _agreed(  # noqa: PLR0913 - each is a choice of its own, said by name
    memory: Memory,
    kb: str,
    stream: Stream,
    choice: Choice,
    stop: threading.Event,
    *,
    once: bool,
) -> Encoding | None:
    """The encoding of the knowledge base; fitted when there is enough. None if told to stop."""
    from kato.market.observing import agree, encoding_of  # noqa: PLC0415 - help must not wait
    from kato.market.streams import all_of  # noqa: PLC0415

    encoding = encoding_of(memory, kb)
    told = False
    while encoding is None:
        items = all_of(stream)
        if len(items) >= choice.least or once:
            encoding = agree(memory, kb, choice.fit(items))
        elif stop.wait(1.0):
            return None
        elif not told:
            told = True
            notes().print(
                f"waiting for {choice.least} candles or trades to fit bins to", style="dim"
            )
    if encoding.timeframe != choice.timeframe:
        raise InvalidInput(
            f"the knowledge base {kb!a} observes {encoding.timeframe}, not {choice.timeframe}",
            remedy="choose another by --kb",
        )
    return encoding


def _watch(watcher: Watcher, stop: threading.Event, *, once: bool, json: bool) -> None:
    from kato.cli.market.watching import line_text  # noqa: PLC0415 - help must not wait

    while not stop.is_set():
        lines = watcher.step()
        for line in lines or ():
            if json:
                print_json(line)
            else:
                answers().print(line_text(line, watcher.score.feature), soft_wrap=True)
        sys.stdout.flush()
        if lines is None and (once or stop.wait(0.5)):
            return


def _print_end(watcher: Watcher, *, json: bool) -> None:
    from kato.cli.market.watching import score_text  # noqa: PLC0415 - help must not wait

    if json:
        print_json(watcher.score)
    else:
        notes().print(score_text(watcher.score))


def _backtest_table(found: Backtest) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    table.add_row("", f"{found.items:,}", "candles or trades, walked through in their order")
    table.add_row("", f"{found.learned:,}", "of them learned before the first question")
    table.add_row("", f"{found.questions:,}", f"questions, {found.milliseconds:.1f} ms each")
    table.add_row("", f"{found.symbols}", Text(safe(f"symbols of {found.feature} came")))
    table.add_row("", f"{found.answered:.1%}", "answered; the others count as wrong")
    table.add_row()
    rows: tuple[tuple[str, Share, str], ...] = (
        ("KATO", found.kato, "bold"),
        ("order-1 transitions", found.after_last, ""),
        ("most frequent symbol", found.most_frequent, ""),
    )
    for name, share, style in rows:
        bar = Text("█" * round(share.share * _BAR), style=style or "dim")
        between = f"{share.low:.1%} to {share.high:.1%}"
        table.add_row(
            Text(name, style=style), Text(f"{share.share:.1%}", style=style), between, bar
        )
    gain = found.gain
    verdict = "better than both" if found.is_better else "no better than chance would have it"
    style = "green" if found.is_better else "yellow"
    between = f"{gain.low:+.1%} to {gain.high:+.1%}"
    table.add_row("KATO's gain", f"{gain.share:+.1%}", between, Text(verdict, style=style))
    return table
