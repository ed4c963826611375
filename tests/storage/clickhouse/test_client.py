"""The ClickHouse client: parameters, errors, and answers that are nobody else's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.storage.ledger.test_learning import TEXTS
from tests.support.clickhouse_http import ClickHouseHttpServer

from kato.errors import KatoError, StoreFull, StoreUnavailable
from kato.memory.engines import Engines
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import columns_of

LATE = (
    "SELECT number, throwIf(number = 299999, 'too late') FROM numbers(300000) "
    "SETTINGS max_block_size = 1000"
)
"""Fails when blocks have been answered already."""


@pytest.fixture
def clickhouse(engines: Engines) -> Iterator[ClickHouse]:
    clickhouse = engines._clickhouse.another()
    yield clickhouse
    clickhouse.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseHttpServer]:
    with ClickHouseHttpServer(tmp_path / "own") as server:
        yield server


def number(clickhouse: ClickHouse, statement: str, parameters: dict[str, Any] | None = None) -> int:
    """The one number a statement answers, read from the Native format."""
    (column,) = columns_of(clickhouse.native(statement, parameters)).values()
    return int(column.values[0])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_parameters_are_taken_as_they_are(clickhouse: ClickHouse, text: str) -> None:
    statement = "SELECT {text:String}, {list:Array(String)}"
    rows = clickhouse.rows(statement, {"text": text, "list": [text, "b", text]})
    assert rows == [(text, [text, "b", text])]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_found_by_a_parameter(clickhouse: ClickHouse, text: str) -> None:
    statement = "SELECT toUInt32({text:String} = {other:String}) AS same"
    assert number(clickhouse, statement, {"text": text, "other": text}) == 1


def test_parameters_may_be_very_many(clickhouse: ClickHouse) -> None:
    """More than a URL, or a statement of the default size, would take."""
    numbers = list(range(1_000_000, 1_300_000))
    statement = "SELECT count(), sum(n) FROM (SELECT arrayJoin({numbers:Array(UInt32)}) AS n)"
    assert clickhouse.rows(statement, {"numbers": numbers}) == [(300_000, sum(numbers))]
    statement = "SELECT toUInt32(length({numbers:Array(UInt32)}))"
    assert number(clickhouse, statement, {"numbers": numbers}) == 300_000


@pytest.mark.parametrize(
    "statement",
    ["SELECT nothing", "SELEKT", "SELECT throwIf(1)", "SELECT * FROM missing", LATE],
    ids=["unknown name", "no statement", "early", "no table", "late"],
)
def test_an_error_leaves_the_connection_clean(clickhouse: ClickHouse, statement: str) -> None:
    for ask in (clickhouse.rows, clickhouse.native, clickhouse.command):
        with pytest.raises(StoreUnavailable, match="ClickHouse failed"):
            ask(statement)
        assert clickhouse.rows("SELECT 7") == [(7,)]
        assert number(clickhouse, "SELECT toUInt32(8)") == 8


def test_an_error_is_nobody_elses(clickhouse: ClickHouse) -> None:
    """A thread that reads while another one's statement fails gets its own answer."""
    failed = threading.Event()

    def fail() -> None:
        for _ in range(30):
            with pytest.raises(StoreUnavailable):
                clickhouse.rows(LATE)
        failed.set()

    def read(wanted: int) -> int:
        reads = 0
        while not failed.is_set():
            assert clickhouse.rows("SELECT {wanted:UInt32}", {"wanted": wanted}) == [(wanted,)]
            assert number(clickhouse, "SELECT {wanted:UInt32}", {"wanted": wanted}) == wanted
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as threads:
        failing = threads.submit(fail)
        reading = [threads.submit(read, wanted) for wanted in (1, 2)]
        failing.result()
        assert all(reads.result() for reads in reading)


def test_rows_are_inserted_once_under_a_token(clickhouse: ClickHouse, kb_name: str) -> None:
    rows = pa.table(
        {
            "kb": pa.array([4_000_000_000] * 2, pa.uint32()),
            "id": pa.array([1, 2], pa.uint32()),
            "text": ["a" + kb_name, "b"],
        }
    )
    where = "FROM symbols WHERE kb = 4000000000"
    for token in (kb_name, kb_name, "other " + kb_name):
        clickhouse.insert("symbols", rows, token)
    assert clickhouse.rows(f"SELECT count() {where}") == [(4,)]
    clickhouse.command(f"DELETE {where}")
    assert clickhouse.rows(f"SELECT count() {where}") == [(0,)]


def test_no_rows_are_no_insert(clickhouse: ClickHouse) -> None:
    clickhouse.insert("no such table", pa.table({}), "token")


def test_an_insert_that_fails_says_so(clickhouse: ClickHouse) -> None:
    with pytest.raises(StoreUnavailable):
        clickhouse.insert("no_such_table", pa.table({"a": [1]}), "token")
    assert clickhouse.rows("SELECT 7") == [(7,)]


def test_nobody_listens() -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="see whether it runs"):
        ClickHouse.at("http://127.0.0.1:1")
    assert time.monotonic() - began < 2


def test_a_wrong_password(tmp_path: Path) -> None:
    with ClickHouseHttpServer(tmp_path, password="it's") as server:  # noqa: S106 - a test's
        with pytest.raises(StoreUnavailable, match="AUTHENTICATION_FAILED"):
            ClickHouse.at(server.url)
        right = server.url.replace("//", "//default:it's@")
        clickhouse = ClickHouse.at(right)
        assert clickhouse.rows("SELECT 1") == [(1,)]
        clickhouse.close()


def test_a_server_killed_between_calls(server: ClickHouseHttpServer) -> None:
    clickhouse = ClickHouse.at(server.url)
    server.kill()
    began = time.monotonic()
    for ask in (clickhouse.rows, clickhouse.native, clickhouse.command):
        with pytest.raises(StoreUnavailable):
            ask("SELECT 1")
    assert time.monotonic() - began < 2
    server.start()
    assert clickhouse.rows("SELECT 1") == [(1,)]
    clickhouse.close()


@pytest.mark.parametrize("form", ["rows", "native", "command"])
def test_a_server_killed_in_the_middle_of_a_call(server: ClickHouseHttpServer, form: str) -> None:
    clickhouse = ClickHouse.at(server.url)
    ask = getattr(clickhouse, form)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(
            ask, "SELECT sleepEachRow(0.1) FROM numbers(30) SETTINGS max_block_size=1"
        )
        time.sleep(0.5)
        server.kill()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            answer.result()
    assert time.monotonic() - began < 2
    clickhouse.close()


def test_a_full_disk_is_told_apart(clickhouse: ClickHouse) -> None:
    message = "Cannot write: errno: 28, strerror: No space left on device"
    with pytest.raises(StoreFull, match="free disk space"):
        clickhouse.rows(f"SELECT throwIf(1, '{message}')")


def test_a_path_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(KatoError):
        ClickHouse.embedded(tmp_path / "file")
