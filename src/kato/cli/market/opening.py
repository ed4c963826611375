"""Where commands find the layers, and the options that say what of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

import kato
from kato.cli.options import Common
from kato.errors import InvalidInput, StoreInUse

if TYPE_CHECKING:
    from kato.cli.market.remote import RemoteMarket
    from kato.market.answers import Range, TradedSymbol
    from kato.market.market import Market
    from kato.memory import Memory

    AnyMarket = Market | RemoteMarket

Symbol = Annotated[
    str, typer.Argument(metavar="SYMBOL", help="Canonical, as BTC/USDT.", show_default=False)
]
Exchange = Annotated[
    str,
    typer.Option(
        help="binance, kraken or coinbase [dim](default: where it is traded)[/].",
        show_default=False,
    ),
]
Timeframe = Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h or 1d.")]
Since = Annotated[
    str | None,
    typer.Option(
        help="From when on: 2026-11-21, 2026-11-21T10:30:00Z, or so long ago as 6h.",
        show_default=False,
    ),
]
Until = Annotated[str | None, typer.Option(help="Before when, as --since.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Most rows: the newest ones.")]


def range_of(since: str | None, until: str | None, limit: int) -> Range:
    """The range that the options say.

    Raises:
        InvalidInput: They say none.
    """
    from kato.market.answers import Range  # noqa: PLC0415 - help must not wait
    from kato.market.moments import moment  # noqa: PLC0415

    now = time.time_ns()
    end = None if until is None else moment(until, now)
    return Range(0 if since is None else moment(since, now), end, limit)


@contextmanager
def opened_market(context: typer.Context) -> Iterator[AnyMarket]:
    """The layers that the options before the command say: a service's, or those of the stores.

    Where a process owns the stores and serves them, that service's.
    """
    common = context.find_object(Common) or Common()
    if common.url is not None:
        with _remote(common.url, common) as market:
            yield market
        return
    try:
        memory = kato.open(common.data_dir)
    except StoreInUse as error:
        with _remote(_address_of_owner(common, error), common) as market:
            yield market
        return
    with memory, layers_of(memory) as own:
        yield own


@contextmanager
def layers_of(memory: Memory) -> Iterator[Market]:
    """The layers of a memory, over a connection of their own."""
    from kato.market.layers.migrations import migrate  # noqa: PLC0415
    from kato.market.market import Market  # noqa: PLC0415 - help must not wait

    clickhouse = memory.clickhouse()
    try:
        migrate(clickhouse)
        yield Market(clickhouse)
    finally:
        clickhouse.close()


def traded(market: AnyMarket, symbol: str, exchange: str) -> TradedSymbol:
    """The one instrument that is meant.

    Raises:
        InvalidInput: There is none, or it is traded in several places.
    """
    known = market.symbols()
    found = [each for each in known if each.symbol == symbol and exchange in ("", each.exchange)]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(each.exchange for each in found)
        raise InvalidInput(f"{symbol!a} is traded on {places}", remedy="choose by --exchange")
    names = ", ".join(sorted({each.symbol for each in known})[:10]) or "none yet"
    raise InvalidInput(f"there are no trades of {symbol!a}", remedy=f"there are: {names}")


@contextmanager
def _remote(url: str, common: Common) -> Iterator[RemoteMarket]:
    from kato.cli.market.remote import RemoteMarket  # noqa: PLC0415 - help must not wait

    market = RemoteMarket(url, common.api_key)
    try:
        yield market
    finally:
        market.close()


def _address_of_owner(common: Common, in_use: StoreInUse) -> str:
    from kato.storage.embedded.directory import owner_of  # noqa: PLC0415 - only needed here

    owner = owner_of(common.folder)
    if owner is None or owner.address is None:
        raise in_use
    return owner.address
