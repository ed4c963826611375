"""The market over HTTP: what the layers hold, in three forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.market.filling import BEGIN, MINUTE, Layers, Made, layers_of, walk

import kato
from kato.market.answers import Range
from kato.market.forms import FORMS, MEDIA, Form, plain, schema_of
from kato.service import create_app
from kato.settings import Settings

QUIET = (3, 4)
OF = {"symbol": "BTC/USDT", "exchange": "binance"}
ROUTES = {"candles": OF, "trades": OF, "symbols": {}, "gaps": {}, "freshness": {}}


@pytest.fixture(scope="module")
def layers(memory: kato.Memory) -> Iterator[Layers]:
    """Ten minutes, two of them quiet, the first six sealed; and a trade that is none."""
    with layers_of(memory) as layers:
        layers.take(walk(10, quiet=QUIET))
        layers.take([Made(9000, BEGIN + MINUTE, "0", "1e-12", sold=True)])
        layers.seal(BEGIN + 6 * MINUTE + 10**10)
        yield layers


def asked(client: httpx.Client, route: str, **query: Any) -> Any:
    answer = client.get(f"/market/{route}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_candles(client: httpx.Client, layers: Layers) -> None:
    shown = asked(client, "candles", **OF)
    candles = layers.market.candles("BTC/USDT", "1m", "binance")
    assert len(shown) == 8
    for one, candle in zip(shown, candles, strict=True):
        assert (one["start"], one["trades"]) == (candle.start, candle.trades)
        assert Decimal(one["close"]) == candle.close
        assert Decimal(one["quote_volume"]) == candle.quote_volume
        assert one["sealed"] == (candle.start < BEGIN + 6 * MINUTE)
    assert "E" not in "".join(one["volume"] for one in shown)


def test_ranges_limits_and_quiet_times(client: httpx.Client, layers: Layers) -> None:
    def minutes(**query: Any) -> list[int]:
        shown = asked(client, "candles", **OF, **query)
        return [(one["start"] - BEGIN) // MINUTE for one in shown]

    until = BEGIN + 8 * MINUTE
    assert minutes(since=BEGIN + MINUTE, until=until) == [1, 2, 5, 6, 7]
    assert minutes(until=until, limit=2) == [6, 7]
    assert minutes(until=until, limit=2, oldest=True) == [0, 1]
    assert minutes(since=BEGIN, until=until, fill=True) == list(range(8))
    assert minutes(since="2025-10-09T08:55:00Z", until="2025-10-09T08:57:00+00:00") == [1, 2]
    assert minutes(since="1h") == []
    assert len(asked(client, "candles", **OF, timeframe="1h")) <= 2


def test_trades_with_those_that_are_not_valid(client: httpx.Client, layers: Layers) -> None:
    shown = asked(client, "trades", **OF)
    assert len(shown) == 33
    assert [one["time"] for one in shown] == sorted(one["time"] for one in shown)
    (invalid,) = (one for one in shown if not one["is_valid"])
    assert invalid["errors"]
    assert (invalid["side"], invalid["size"]) == ("sell", "0.000000000001")


def test_symbols_gaps_and_freshness(client: httpx.Client, layers: Layers) -> None:
    (symbol,) = asked(client, "symbols")
    assert (symbol["exchange"], symbol["symbol"], symbol["trades"]) == ("binance", "BTC/USDT", 32)
    (fresh,) = asked(client, "freshness")
    assert fresh["last_time"] == symbol["last_time"]
    assert fresh["age"] > 1e6
    assert asked(client, "gaps", **OF, kind="missing", limit=5) == []


@pytest.mark.parametrize("route", ROUTES)
def test_forms_say_the_same(client: httpx.Client, layers: Layers, route: str) -> None:
    query, here = ROUTES[route], f"/market/{route}"
    answers: dict[Form, httpx.Response] = {
        form: client.get(here, params={**query, "format": form}) for form in FORMS
    }
    for form, answer in answers.items():
        assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA[form])
        accepted = client.get(here, params=query, headers={"Accept": MEDIA[form].split(";")[0]})
        assert accepted.headers["content-type"] == MEDIA[form]
    shown = answers["json"].json()
    lines = list(csv.DictReader(io.StringIO(answers["csv"].text)))
    table = pq.read_table(io.BytesIO(answers["parquet"].content))
    assert table.num_rows == len(shown) == len(lines)
    for one, line, row in zip(shown, lines, _rows(table), strict=True):
        assert list(one) == list(line) == list(row)
        for name in set(one) - {"age"}:
            assert line[name] == _as_cell(one[name])
            assert row[name] == one[name], name


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a Parquet file as JSON would have them."""
    plain_table = table.cast(
        pa.schema(
            (field.name, pa.int64() if pa.types.is_timestamp(field.type) else field.type)
            for field in table.schema
        )
    )
    return [
        {
            name: plain(value)
            if isinstance(value, Decimal)
            else dict(value)
            if name == "vendor"
            else value
            for name, value in row.items()
        }
        for row in plain_table.to_pylist()
    ]


def _as_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def test_parquet_is_exact(client: httpx.Client, layers: Layers) -> None:
    answer = client.get("/market/candles", params={**OF, "format": "parquet"})
    table = pq.read_table(io.BytesIO(answer.content))
    (candle, *_) = layers.market.candles("BTC/USDT", "1m", "binance", Range(limit=1))
    assert str(table.schema.field("quote_volume").type) == "decimal256(76, 24)"
    assert table["quote_volume"][-1].as_py() == candle.quote_volume
    empty = client.get("/market/candles", params={"symbol": "☃/USD", "format": "parquet"})
    assert pq.read_table(io.BytesIO(empty.content)).schema == schema_of(type(candle))


@pytest.mark.parametrize("text", ["'; DROP TABLE silver_trades; --", "☃\\'", "", "{x:String}"])
def test_any_text_is_a_symbol_of_nothing(client: httpx.Client, layers: Layers, text: str) -> None:
    assert asked(client, "candles", symbol=text, exchange=text) == []
    assert asked(client, "trades", symbol=text, exchange=text) == []
    assert asked(client, "gaps", symbol=text or "x", kind=text) == []


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("candles", {}),
        ("candles", {**OF, "timeframe": "7m"}),
        ("candles", {**OF, "limit": 0}),
        ("candles", {**OF, "limit": 100_001}),
        ("candles", {**OF, "since": "yesterday"}),
        ("candles", {**OF, "until": "-1"}),
        ("candles", {**OF, "since": "2026-13-01"}),
        ("candles", {**OF, "since": str(1 << 62)}),
        ("trades", {**OF, "format": "xml"}),
        ("trades", {}),
    ],
)
def test_what_is_no_query(client: httpx.Client, route: str, query: dict[str, Any]) -> None:
    assert client.get(f"/market/{route}", params=query).status_code == 422


def test_the_document_has_the_routes() -> None:
    paths = create_app(Settings.from_environment({})).openapi()["paths"]
    assert {f"/market/{route}" for route in ROUTES} <= set(paths)
