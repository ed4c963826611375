"""``kato market candles``, ``trades`` and ``chart``: what the layers hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kato.cli.display.console import answers, notes
from kato.cli.display.text import safe, safe_json
from kato.cli.market import opening
from kato.errors import InvalidInput

if TYPE_CHECKING:
    from kato.market.answers import Candle, StoredTrade
    from kato.market.forms import Form

RISING, FALLING = "green", "red"

FormName = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="json, csv or parquet, for programs [dim](default: a table for people)[/].",
        show_default=False,
    ),
]


def candles(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbol: opening.Symbol,
    timeframe: opening.Timeframe = "1m",
    exchange: opening.Exchange = "",
    since: opening.Since = None,
    until: opening.Until = None,
    limit: opening.Limit = 30,
    fill: Annotated[
        bool, typer.Option("--fill", help="Also one for each time without trades.")
    ] = False,
    form: FormName = None,
) -> None:
    """Show candles: sealed ones where there are, live ones else.

    kato market candles BTC/USDT --timeframe 5m --since 6h
    kato market candles BTC/USDT --limit 100000 --format parquet > btc.parquet
    """
    from kato.market.answers import Candle  # noqa: PLC0415 - help must not wait
    from kato.market.timeframes import timeframe as checked  # noqa: PLC0415

    within, chosen = opening.range_of(since, until, limit), _form(form)
    checked(timeframe)
    with opening.opened_market(context) as market:
        found = market.candles(symbol, timeframe, exchange, within, fill=fill)
    if chosen is None:
        answers().print(candle_table(found))
    else:
        _write(chosen, Candle, found)


def trades(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbol: opening.Symbol,
    exchange: opening.Exchange = "",
    since: opening.Since = None,
    until: opening.Until = None,
    limit: opening.Limit = 30,
    form: FormName = None,
) -> None:
    """Show trades, each once, and why one counts in no candle."""
    from kato.market.answers import StoredTrade  # noqa: PLC0415 - help must not wait

    within, chosen = opening.range_of(since, until, limit), _form(form)
    with opening.opened_market(context) as market:
        found = market.trades(symbol, exchange, within)
    if chosen is None:
        answers().print(_trade_table(found))
    else:
        _write(chosen, StoredTrade, found)


def chart(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbol: opening.Symbol,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write: .svg or .png.")
    ] = Path("chart.svg"),
    timeframe: opening.Timeframe = "1m",
    exchange: opening.Exchange = "",
    since: opening.Since = None,
    until: opening.Until = None,
    limit: opening.Limit = 120,
) -> None:
    """Draw candles above their volume; needs the extra [bold]plots[/]."""
    from kato.market.charts import PICTURES, chart  # noqa: PLC0415 - help must not wait

    suffix = file.suffix.lower().removeprefix(".")
    picture = next((each for each in PICTURES if each == suffix), None)
    if picture is None:
        raise InvalidInput(f"no picture: {file.name!a}", remedy="write to a .svg or a .png")
    within = opening.range_of(since, until, limit)
    with opening.opened_market(context) as market:
        where = opening.traded(market, symbol, exchange).exchange
        found = market.candles(symbol, timeframe, where, within, fill=True)
    file.write_bytes(chart(found, timeframe, picture))
    notes().print(safe(f"{len(found)} candles in {file}"))


def candle_table(candles: Sequence[Candle], *, brief: bool = False) -> Table:
    """Candles for people; those that are not sealed yet are marked.

    Args:
        candles: In order.
        brief: Whether to leave out what a small window has no room for.
    """
    several = len({candle.exchange for candle in candles}) > 1
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("exchange", "begins")[not several :]:
        table.add_column(name, no_wrap=True)
    for name in ("open", "high", "low", "close", "volume", "trades", "vwap")[: 6 if brief else 7]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for candle in candles:
        cells = _candle_cells(candle, brief=brief)
        table.add_row(*(cells if several else cells[1:]))
    return table


def _candle_cells(candle: Candle, *, brief: bool) -> list[Text]:
    from kato.market.forms import plain  # noqa: PLC0415 - help must not wait

    style = "dim" if not candle.trades else RISING if candle.close >= candle.open else FALLING
    prices = (candle.open, candle.high, candle.low, candle.close)
    begins = begin_text(candle.start)
    vwap = [] if brief else [Text("" if candle.vwap is None else f"{candle.vwap:.8g}")]
    return [
        Text(safe(candle.exchange)),
        Text(begins[11:] if brief else begins),
        *(Text(plain(price), style=style) for price in prices),
        Text(f"{candle.volume:.6g}"),
        Text(f"{candle.trades:,}"),
        *vwap,
        Text("" if candle.sealed else "live", style="dim"),
    ]


def begin_text(time: int) -> str:
    """When a candle begins."""
    from kato.market.moments import written  # noqa: PLC0415 - help must not wait

    return written(time)[:16].replace("T", " ")


def _trade_table(trades: Sequence[StoredTrade]) -> Table:
    from kato.market.forms import plain  # noqa: PLC0415 - help must not wait
    from kato.market.moments import written  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("exchange", "time", "id", "side"):
        table.add_column(name)
    for name in ("price", "size"):
        table.add_column(name, justify="right")
    table.add_column("")
    for trade in trades:
        side = trade.side.name.lower()
        table.add_row(
            Text(safe(trade.exchange)),
            written(trade.time).replace("T", " ").removesuffix("Z"),
            Text(safe(trade.trade_id)),
            Text(side, style={"buy": RISING, "sell": FALLING}.get(side, "")),
            plain(trade.price),
            plain(trade.size),
            Text(safe("; ".join(trade.errors)), style="yellow"),
        )
    return table


def _form(form: str | None) -> Form | None:
    """The form that is chosen.

    Raises:
        InvalidInput: There is none of that name, or nobody could read it.
    """
    from kato.market.forms import FORMS  # noqa: PLC0415 - help must not wait

    if form is None:
        return None
    chosen = next((each for each in FORMS if each == form), None)
    if chosen is None:
        raise InvalidInput(f"no such format: {form!a}", remedy="use " + ", ".join(FORMS))
    if chosen == "parquet" and sys.stdout.isatty():
        raise InvalidInput("Parquet is nothing to be read", remedy="write it to a file: > FILE")
    return chosen


def _write(form: Form, kind: Any, rows: Sequence[Any]) -> None:
    from kato.market.forms import AS  # noqa: PLC0415 - help must not wait

    document = AS[form](kind, rows)
    if form == "parquet":
        sys.stdout.buffer.write(document)
    else:
        sys.stdout.write(safe_json(document).rstrip("\n") + "\n")
