"""From records to rows: exact numbers, reasons where they are none, and nothing that stops."""

from __future__ import annotations

from decimal import Decimal, localcontext

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.layers.given import NOON, Written, trade

from kato.market.layers.numbers import NO_NUMBER, Problems, decimals, numbers_of
from kato.market.layers.rows import LATEST, Batch, read
from kato.market.log.records import Record, raw_topic
from kato.market.trade import Trade

TOPIC = raw_topic("binance")
any_decimal = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.builds(
        lambda n, e: Decimal(n).scaleb(e), st.integers(-(10**40), 10**40), st.integers(-40, 3)
    ),
    st.builds(
        lambda n, zeros: Decimal(f"{n}.{'0' * zeros}"), st.integers(0, 9), st.integers(0, 60)
    ),
)


def is_valid(value: Decimal) -> bool:
    """By the rule: finite, above 0, below 10**26, at most 12 digits after the point."""
    if not value.is_finite() or not 0 < value < Decimal(10) ** 26:
        return False
    with localcontext(prec=500):
        return value == value.quantize(Decimal("1e-12"))


@given(st.lists(any_decimal, max_size=6))
def test_decimals_are_exact_or_refused(values: list[Decimal]) -> None:
    problems: Problems = {}
    texts, exact = decimals("price", values, problems)
    assert texts.to_pylist() == [str(value) for value in values]
    assert sorted(problems) == [row for row, value in enumerate(values) if not is_valid(value)]
    for row, (value, stored) in enumerate(zip(values, exact.to_pylist(), strict=True)):
        assert stored == (0 if row in problems else value)


@given(
    st.lists(
        st.one_of(st.integers(-5, 10**20).map(str), st.text(max_size=4), st.just("007")), max_size=6
    )
)
def test_ids_are_numbers_where_they_are_written_as_one(ids: list[str]) -> None:
    for text, number in zip(ids, numbers_of(ids).tolist(), strict=True):
        if number == NO_NUMBER:
            is_plain = text.isascii() and text.isdigit() and str(int(text)) == text
            assert not is_plain or int(text) >= 10**18
        else:
            assert str(number) == text


def record(value: bytes, key: str = "A-B", offset: int = 0, **headers: bytes) -> Record:
    return Record(TOPIC, 0, offset, key, value, headers)


def batch_of(*trades: Trade, **headers: bytes) -> Batch:
    text = msgspec.json.encode(list(trades))
    return read([Record(TOPIC, 0, 0, "A-B", text, headers)], Written())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": Decimal("NaN")}, "price is not finite"),
        ({"price": Decimal("Infinity")}, "price is not finite"),
        ({"price": Decimal(0)}, "price is not above 0"),
        ({"price": Decimal("1e26")}, "price is not below 1e+26"),
        ({"size": Decimal(-1)}, "size is not above 0"),
        ({"size": Decimal("0.0000000000001")}, "size has more than 12 decimals"),
        (
            {"price": Decimal("1e20"), "size": Decimal("1e20")},
            "price times size is not below 1e+40",
        ),
        ({"time": 0}, "time is not between 1970 and 2100"),
        ({"time": 1 << 70}, "time is not between 1970 and 2100"),
        ({"sequence": -1}, "sequence is not between 0 and 2**63"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, object], reason: str) -> None:
    good = trade("A-B", 1, NOON)
    bad = msgspec.structs.replace(good, id="2", **changes)

    class Both(Written):
        def trades(self, _exchange: str, _record: Record) -> list[Trade]:
            return [good, bad]

    batch = read([record(b"")], Both())
    assert batch.columns["errors"].to_pylist() == [[], [reason]]
    assert batch.invalid == 1
    assert batch.usable().all()
    assert batch.block(np.ones(2, np.bool_)).num_rows == 2


@pytest.mark.parametrize(
    "received", [b"", b"x", b"-5", b"9" * 19, b"9" * 30, b"\xff", str(LATEST).encode()]
)
def test_a_record_that_does_not_say_when_it_came(received: bytes) -> None:
    batch = batch_of(trade("A-B", 1, NOON), received=received, connection=b"\xff\x00")
    assert batch.received == 0
    assert batch.block(np.ones(1, np.bool_))["received"].cast(pa.int64()).to_pylist() == [0]


def test_columns_follow_records_and_places() -> None:
    first = [trade("A-B", 1, NOON), trade("C-D", 1, NOON), trade("A-B", 2, NOON + 1)]
    text = msgspec.json.encode(first)
    records = [
        record(text, "A-B", 4, received=b"7", connection=b"x"),
        record(b"{", "A-B", 5),
        record(text, "C-D", 6, received=b"5", connection=b"y"),
    ]
    batch = read(records, Written())
    rows = batch.block(np.array([True, False, True])).to_pylist()
    told = [(row["native"], row["offset"], row["ordinal"], row["is_trade"]) for row in rows]
    assert told == [("A-B", 4, 0, 1), ("A-B", 4, 1, 1), ("C-D", 6, 0, 1), ("A-B", 5, 0, 0)]
    assert [row["payload"] for row in rows] == [text, b"", text, b"{"]
    assert [row["is_new"] for row in rows] == [1, 0, 1, 0]
    assert [row["connection"] for row in rows] == ["x", "x", "y", ""]
    assert [bool(row["unreadable"]) for row in rows] == [False, False, False, True]
    assert batch.received == 5
