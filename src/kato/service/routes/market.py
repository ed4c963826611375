"""Candles, trades, symbols, gaps and freshness, as JSON, CSV or Parquet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from kato.market.answers import MOST_ROWS, Candle, Freshness, Gap, Range, StoredTrade, TradedSymbol
from kato.market.forms import AS, FORMS, MEDIA, Form, Row
from kato.market.market import Market
from kato.market.moments import moment
from kato.market.timeframes import TimeframeName
from kato.service.accepting import preferred
from kato.service.context import Context, context_of
from kato.service.wire.errors import INVALID, STORE, Responses
from kato.service.wire.market import (
    CandleShown,
    FreshnessShown,
    GapShown,
    SymbolShown,
    TradeShown,
)

_TABLES: Responses = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            MEDIA["parquet"]: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}

router = APIRouter(prefix="/market", tags=["market"], responses={**STORE, **INVALID, **_TABLES})

Ours = Annotated[Context, Depends(context_of)]
Symbol = Annotated[str, Query(description="Canonical, as `BTC/USDT`.")]
AnySymbol = Annotated[str, Query(description="Canonical, as `BTC/USDT`; empty is all.")]
AnyExchange = Annotated[str, Query(description="`binance`, `kraken` or `coinbase`; empty is all.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Most rows.")]
Wanted = Annotated[
    Form | None, Query(alias="format", description="What is answered; else as `Accept` says.")
]
_MOMENT = "ns since 1970, a date (`2026-11-21T10:30:00Z`), or how long ago (`6h`)."


async def form_of(request: Request, wanted: Wanted = None) -> Form:
    """What a request wants to be answered."""
    if wanted is not None:
        return wanted
    media = {MEDIA[form].partition(";")[0]: form for form in FORMS}
    return media[preferred(request.headers.get("accept", ""), tuple(media))]


async def range_of(
    since: Annotated[str, Query(description=f"From when on: {_MOMENT}")] = "0",
    until: Annotated[str | None, Query(description=f"Before when: {_MOMENT}")] = None,
    limit: Limit = 1000,
    oldest: Annotated[
        bool, Query(description="Of more rows than `limit`, the oldest and not the newest.")
    ] = False,
) -> Range:
    """The range of time a request is about."""
    now = time.time_ns()
    end = None if until is None else moment(until, now)
    return Range(moment(since, now), end, limit, oldest)


As = Annotated[Form, Depends(form_of)]
Within = Annotated[Range, Depends(range_of)]


@router.get("/candles", response_model=list[CandleShown])
async def read_candles(  # noqa: PLR0913, PLR0917 - a query's parts
    context: Ours,
    form: As,
    within: Within,
    symbol: Symbol,
    timeframe: Annotated[TimeframeName, Query()] = "1m",
    exchange: AnyExchange = "",
    fill: Annotated[
        bool, Query(description="Also one for each time without trades, at the close before.")
    ] = False,
) -> Response:
    """Candles of an instrument that begin in a range: sealed ones where there are, live ones else.

    The newest ones if there are more than `limit`, in any case in order.
    """
    return await _answer(
        context,
        form,
        Candle,
        lambda market: market.candles(symbol, timeframe, exchange, within, fill=fill),
    )


@router.get("/trades", response_model=list[TradeShown])
async def read_trades(
    context: Ours, form: As, within: Within, symbol: Symbol, exchange: AnyExchange = ""
) -> Response:
    """Trades of an instrument that were made in a range, each once; invalid ones too."""
    return await _answer(
        context, form, StoredTrade, lambda market: market.trades(symbol, exchange, within)
    )


@router.get("/symbols", response_model=list[SymbolShown])
async def read_symbols(context: Ours, form: As) -> Response:
    """All instruments of which there are trades."""
    return await _answer(context, form, TradedSymbol, Market.symbols)


@router.get("/gaps", response_model=list[GapShown])
async def read_gaps(  # noqa: PLR0913, PLR0917 - a query's parts
    context: Ours,
    form: As,
    within: Within,
    symbol: AnySymbol = "",
    exchange: AnyExchange = "",
    kind: Annotated[str, Query(description="Only of this kind; empty is all.")] = "",
) -> Response:
    """What is missing between trades, and what feeds noted; the newest first."""
    return await _answer(
        context, form, Gap, lambda market: market.gaps(symbol, exchange, kind, within)
    )


@router.get("/freshness", response_model=list[FreshnessShown])
async def read_freshness(context: Ours, form: As) -> Response:
    """How old the newest trade of each instrument is."""
    return await _answer(context, form, Freshness, Market.freshness)


async def _answer(
    context: Context, form: Form, kind: type[Row], ask: Callable[[Market], Sequence[Any]]
) -> Response:
    def body() -> bytes:
        return AS[form](kind, ask(context.layers.market()))

    return Response(await context.predict(body), media_type=MEDIA[form])
