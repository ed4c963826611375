"""The group ``kato market``, and what it needs to be installed."""

from __future__ import annotations

import typer

from kato.cli.market import (
    demo,
    feed,
    ingest,
    observe,
    record,
    replay,
    show,
    simulate,
    status,
)
from kato.market import extra

market = typer.Typer(name="market", no_args_is_help=True, rich_markup_mode="rich")


@market.callback()
def before() -> None:
    """Streams of exchanges: feeds, layers and candles, and a memory that learns them.

    To see everything at work without a network, start [bold]kato market demo[/].
    """
    extra.require()


_FEEDS = "Feeds"
market.command(rich_help_panel=_FEEDS)(feed.feed)
market.command(rich_help_panel=_FEEDS)(record.record)
market.command(rich_help_panel=_FEEDS)(replay.replay)
market.command(rich_help_panel=_FEEDS)(simulate.simulate)

_LAYERS = "Layers"
market.command(rich_help_panel=_LAYERS)(ingest.ingest)
market.command(rich_help_panel=_LAYERS)(ingest.seal)
market.command(rich_help_panel=_LAYERS)(ingest.backfill)

_CANDLES = "Candles and trades"
market.command(rich_help_panel=_CANDLES)(show.candles)
market.command(rich_help_panel=_CANDLES)(show.trades)
market.command(rich_help_panel=_CANDLES)(show.chart)
market.command(rich_help_panel=_CANDLES)(status.status)

_MEMORY = "Memory"
market.command(rich_help_panel=_MEMORY)(observe.observe)
market.command(rich_help_panel=_MEMORY)(observe.backtest)
market.command(rich_help_panel=_MEMORY)(demo.demo)
