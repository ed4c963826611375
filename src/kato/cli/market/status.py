"""``kato market status``: how the streams fare."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich import box
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kato.cli import options
from kato.cli.display.console import answers, print_json
from kato.cli.display.text import safe
from kato.cli.market import opening

if TYPE_CHECKING:
    from kato.cli.market.opening import AnyMarket
    from kato.market.answers import Gap

STALE_SECONDS = 60.0
SHOWN_GAPS = 30
MOST_GAPS = 10_000


class InstrumentStatus(msgspec.Struct, frozen=True):
    """How one instrument fares; ``--json`` of ``kato market status`` is a list of these.

    Attributes:
        exchange: Where it is traded.
        symbol: What.
        close: Price of the newest trade.
        age: Seconds since that was made.
        trades: How many trades there are.
        per_minute: Trades of the minute before the newest one.
        missing: Trades whose ids nobody has seen.
        noted: What feeds noted of it, by kind: how many trades that is about.
    """

    exchange: str
    symbol: str
    close: str
    age: float
    trades: int
    per_minute: int
    missing: int
    noted: dict[str, int]


def status(
    context: typer.Context,
    live: Annotated[
        bool, typer.Option("--live", help="Look again and again, until it is stopped.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks of --live.")] = 1.0,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Also list the newest gaps and notes.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show how fresh the trades of each instrument are, how many come, and what is missing."""
    with opening.opened_market(context) as market:
        if json:
            print_json(statuses(market))
        elif live:
            _show_live(market, every)
        else:
            answers().print(status_table(statuses(market)))
            if gaps:
                answers().print(_gap_table(market))


def statuses(market: AnyMarket) -> list[InstrumentStatus]:
    """How each instrument fares."""
    from kato.market.answers import Range  # noqa: PLC0415 - help must not wait
    from kato.market.forms import plain  # noqa: PLC0415

    noted = _by_instrument(market.gaps(within=Range(limit=MOST_GAPS)))
    ages = {(each.exchange, each.symbol): each.age for each in market.freshness()}
    found = []
    for each in market.symbols():
        at = (each.exchange, each.symbol)
        kinds = noted.get(at, Counter())
        minutes = market.candles(each.symbol, "1m", each.exchange, Range(limit=2))
        found.append(
            InstrumentStatus(
                *at,
                plain(each.close),
                ages.get(at, 0.0),
                each.trades,
                minutes[0].trades if minutes else 0,
                kinds.get("missing", 0),
                {kind: count for kind, count in sorted(kinds.items()) if kind != "missing"},
            )
        )
    return found


def status_table(found: list[InstrumentStatus]) -> Table:
    """The statuses for people."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("exchange", "symbol"):
        table.add_column(name)
    for name in ("price", "age", "trades", "a minute", "missing"):
        table.add_column(name, justify="right")
    table.add_column("noted")
    for each in found:
        table.add_row(
            Text(safe(each.exchange)),
            Text(safe(each.symbol)),
            each.close,
            Text(_age_text(each.age), style="red" if each.age > STALE_SECONDS else "green"),
            f"{each.trades:,}",
            f"{each.per_minute:,}",
            Text(f"{each.missing:,}", style="yellow" if each.missing else "dim"),
            Text(", ".join(f"{kind} {count}" for kind, count in each.noted.items()), style="dim"),
        )
    return table


def _by_instrument(gaps: list[Gap]) -> dict[tuple[str, str], Counter[str]]:
    noted: dict[tuple[str, str], Counter[str]] = {}
    for gap in gaps:
        noted.setdefault((gap.exchange, gap.symbol), Counter())[gap.kind] += max(gap.missing, 1)
    return noted


def _show_live(market: AnyMarket, every: float) -> None:
    with Live(console=answers(), auto_refresh=False) as shown:
        try:
            while True:
                shown.update(status_table(statuses(market)), refresh=True)
                time.sleep(every)
        except KeyboardInterrupt:
            return


def _gap_table(market: AnyMarket) -> Table:
    from kato.market.answers import Range  # noqa: PLC0415 - help must not wait
    from kato.market.moments import written  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("time", "exchange", "symbol", "kind"):
        table.add_column(name)
    for name in ("after", "before", "trades"):
        table.add_column(name, justify="right")
    for gap in market.gaps(within=Range(limit=SHOWN_GAPS)):
        numbers = (gap.after, gap.before, gap.missing)
        texts = (written(gap.time), gap.exchange, gap.symbol, gap.kind)
        table.add_row(*(Text(safe(text)) for text in texts), *map(str, numbers))
    return table


def _age_text(seconds: float) -> str:
    """An age as people say it.

    >>> _age_text(0.25), _age_text(75), _age_text(7300), _age_text(200000)
    ('0.2 s', '75 s', '2.0 h', '2.3 d')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 86_400 else f"{seconds / 86_400:.1f} d"
