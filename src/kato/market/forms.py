"""What the layers answer, as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kato.market.answers import Candle, Freshness, Gap, StoredTrade, TradedSymbol
from kato.market.trade import Side

Form = Literal["json", "csv", "parquet"]
FORMS: tuple[Form, ...] = ("json", "csv", "parquet")

PRICE = pa.decimal128(38, 12)
SUM = pa.decimal256(76, 24)
MOMENT = pa.timestamp("ns", "UTC")

_MOMENTS = ("start", "time", "first_time", "last_time", "received")
_SUMS = ("volume", "quote_volume", "buy_volume", "quote")
_KINDS: Mapping[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    Decimal: PRICE,
    Decimal | None: PRICE,
    int | None: pa.int64(),
    Side: pa.string(),
    list[str]: pa.list_(pa.string()),
    dict[str, str]: pa.map_(pa.string(), pa.string()),
}

Row = Candle | StoredTrade | TradedSymbol | Gap | Freshness


def schema_of(kind: type[Row]) -> pa.Schema:
    """The columns of rows of a kind: their fields.

    >>> schema_of(Freshness).field("last_time").type
    TimestampType(timestamp[ns, tz=UTC])
    """
    hints = get_type_hints(kind)
    return pa.schema([(name, _type_of(name, hints[name])) for name in kind.__struct_fields__])


def as_csv(kind: type[Row], rows: Sequence[Row]) -> bytes:
    """A line of names, and a line a row: moments in ns since 1970, lists and maps as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind.__struct_fields__)
    writer.writerows([_cell(value) for value in msgspec.structs.astuple(row)] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def as_parquet(kind: type[Row], rows: Sequence[Row]) -> bytes:
    """A file of exact decimals, and moments of ns in UTC."""
    schema = schema_of(kind)
    columns = zip(*map(msgspec.structs.astuple, rows), strict=True) if rows else [()] * len(schema)
    arrays = [
        pa.array([_plain(value) for value in column], field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def as_json(_kind: type[Row], rows: Sequence[Row]) -> bytes:
    """A list of objects; decimals are texts, so that they stay exact."""
    return msgspec.json.encode([jsonable(row) for row in rows])


def jsonable(row: Row) -> dict[str, Any]:
    """A row as JSON has it: decimals as plain texts, sides by name."""
    names = row.__struct_fields__
    return {
        name: _told(value) for name, value in zip(names, msgspec.structs.astuple(row), strict=True)
    }


AS: Mapping[Form, Callable[[type[Row], Sequence[Row]], bytes]] = {
    "json": as_json,
    "csv": as_csv,
    "parquet": as_parquet,
}
MEDIA: Mapping[Form, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def plain(number: Decimal) -> str:
    """A decimal without an exponent, and without zeros that say nothing.

    >>> plain(Decimal("95381.700000000000")), plain(Decimal("1E+3")), plain(Decimal("0E-12"))
    ('95381.7', '1000', '0')
    """
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _type_of(name: str, hint: Any) -> pa.DataType:
    if name in _MOMENTS:
        return MOMENT
    return SUM if name in _SUMS else _KINDS[hint]


def _told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.name.lower() if isinstance(value, Side) else value


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else _told(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Side):
        return value.name.lower()
    return list(value.items()) if isinstance(value, dict) else value
