"""The group ``kato market``, and what it needs to be installed."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from kato.cli.market import demo, feed, observe, record, replay, show, simulate, status
from kato.errors import InvalidInput

EXTRA = {"picows": "picows", "confluent_kafka": "confluent-kafka"}
"""What the extra ``market`` brings: modules, and the packages they are in."""

market = typer.Typer(name="market", no_args_is_help=True, rich_markup_mode="rich")


@market.callback()
def before() -> None:
    """Streams of exchanges: feeds, layers and candles, and a memory that learns them.

    To try everything without a network, start [bold]kato market simulate[/].
    """
    missing = [package for module, package in EXTRA.items() if find_spec(module) is None]
    if missing:
        raise InvalidInput(
            f"not installed: {', '.join(missing)}", remedy="pip install 'kato[market]'"
        )


_FEEDS = "Feeds"
market.command(rich_help_panel=_FEEDS)(feed.feed)
market.command(rich_help_panel=_FEEDS)(record.record)
market.command(rich_help_panel=_FEEDS)(replay.replay)
market.command(rich_help_panel=_FEEDS)(simulate.simulate)

_LAYERS = "Candles and trades"
market.command(rich_help_panel=_LAYERS)(show.candles)
market.command(rich_help_panel=_LAYERS)(show.trades)
market.command(rich_help_panel=_LAYERS)(show.chart)
market.command(rich_help_panel=_LAYERS)(status.status)

_MEMORY = "Memory"
market.command(rich_help_panel=_MEMORY)(observe.observe)
market.command(rich_help_panel=_MEMORY)(observe.backtest)
market.command(rich_help_panel=_MEMORY)(demo.demo)
