"""Native answers as arrays: what ClickHouse says is what is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kato
from kato.errors import StoreUnavailable
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import columns_of

ROWS = (
    "SELECT arrayJoin(range({rows:UInt64})) AS id, "
    "arrayMap(x -> toUInt32(x * id), range(id % 3)) AS numbers, "
    "toFixedString(leftPad(toString(id), 20), 20) AS name"
)


@pytest.fixture(scope="module")
def clickhouse(memory: kato.Memory) -> ClickHouse:
    return memory._engines.tables._clickhouse


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.integers(0, 500) | st.just(200_000))
def test_it_is_what_was_asked(clickhouse: ClickHouse, rows: int) -> None:
    columns = columns_of(clickhouse.native(ROWS, {"rows": rows}))
    if not rows:
        assert columns == {}
        return
    assert columns["id"].values.tolist() == list(range(rows))
    offsets = columns["numbers"].offsets
    assert offsets is not None
    arrays = np.split(columns["numbers"].values, offsets[1:-1])
    assert [a.tolist() for a in arrays] == [[x * i for x in range(i % 3)] for i in range(rows)]
    assert bytes(columns["name"].values[-1]).decode() == str(rows - 1).rjust(20)


def test_an_answer_that_is_cut_off_is_an_error(clickhouse: ClickHouse) -> None:
    data = clickhouse.native(ROWS, {"rows": 50})
    for size in range(1, len(data), 37):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            columns_of(data[:size])


def test_a_type_that_is_not_expected_is_an_error(clickhouse: ClickHouse) -> None:
    with pytest.raises(StoreUnavailable, match="String"):
        columns_of(clickhouse.native("SELECT 'text' AS a"))
