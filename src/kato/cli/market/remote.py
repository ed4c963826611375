"""The layers of a service, asked as those of this process are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from kato.client.address import Address
from kato.errors import InvalidInput, ServiceUnavailable, StoreUnavailable
from kato.market.answers import Candle, Freshness, Gap, Range, StoredTrade, TradedSymbol
from kato.market.trade import Side

SECONDS = 60.0

Row = TypeVar("Row")


class RemoteMarket:
    """Asks a service for what :class:`kato.market.market.Market` answers.

    Args:
        url: Where it is.
        api_key: Its key, if it wants one.

    Raises:
        InvalidInput: It is no address.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        address = Address.of(url, api_key)
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._client = httpx.Client(base_url=address.url, headers=headers, timeout=SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def candles(
        self,
        symbol: str,
        name: str = "1m",
        exchange: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
        *,
        fill: bool = False,
    ) -> list[Candle]:
        """Candles of an instrument that begin in a range."""
        query = {"symbol": symbol, "timeframe": name, "exchange": exchange, "fill": fill}
        return self._rows("candles", Candle, {**query, **_query_of(within)})

    def trades(
        self,
        symbol: str,
        exchange: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
    ) -> list[StoredTrade]:
        """Trades of an instrument that were made in a range."""
        query = {"symbol": symbol, "exchange": exchange, **_query_of(within)}
        return self._rows("trades", StoredTrade, query)

    def symbols(self) -> list[TradedSymbol]:
        """All instruments of which there are trades."""
        return self._rows("symbols", TradedSymbol, {})

    def gaps(
        self,
        symbol: str = "",
        exchange: str = "",
        kind: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
    ) -> list[Gap]:
        """What is missing between trades and what feeds noted, the newest first."""
        query = {"symbol": symbol, "exchange": exchange, "kind": kind, **_query_of(within)}
        return self._rows("gaps", Gap, query)

    def freshness(self) -> list[Freshness]:
        """How old the newest trade of each instrument is."""
        return self._rows("freshness", Freshness, {})

    def _rows(self, route: str, kind: type[Row], query: dict[str, Any]) -> list[Row]:
        try:
            answer = self._client.get(
                f"/market/{route}", params={**query, "format": "json"}, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise ServiceUnavailable(
                f"no service answers at {self._client.base_url}: {error}",
                remedy="see whether kato serve runs there",
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise _failure(answer)
        return msgspec.convert(
            [_with_side(row) for row in msgspec.json.decode(answer.content)],
            list[kind],  # type: ignore[valid-type]
            strict=False,
        )


def _query_of(within: Range) -> dict[str, Any]:
    query: dict[str, Any] = {"since": within.since, "limit": within.limit, "oldest": within.oldest}
    return query if within.until is None else {**query, "until": within.until}


def _with_side(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "side": Side[row["side"].upper()]} if "side" in row else row


def _failure(answer: httpx.Response) -> Exception:
    try:
        detail: object = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:200]
    if answer.status_code == httpx.codes.NOT_FOUND:
        remedy = 'install it there with pip install "kato[market]"'
        return ServiceUnavailable("the service has no market half", remedy=remedy)
    kinds: Sequence[tuple[int, type[Exception]]] = ((500, StoreUnavailable), (400, InvalidInput))
    kind = next((kind for least, kind in kinds if answer.status_code >= least), ServiceUnavailable)
    return kind(f"the service answers {answer.status_code}: {detail}")
