"""ClickHouse reads the broker itself: what it is told, and that layers get each trade once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.market.brokers.mock import MockCluster
from tests.storage.stores import clickhouse_url

from kato.errors import InvalidConfig, StoreUnavailable
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.log import TOPICS
from kato.market.ingest.reading import FeedReading
from kato.market.ingest.running import open_log
from kato.market.instruments import InstrumentFile
from kato.market.log.engine import (
    ENGINE_DATABASE,
    EngineReader,
    engine_statements,
    start_engine,
)
from kato.market.log.kafka import KafkaWriter
from kato.market.log.records import raw_topic
from kato.market.market import Market
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection

DOCUMENT = Path(__file__).parents[3] / "docs" / "market.md"
TOPIC = raw_topic("binance")
HEADERS = {"received": b"1737118158339000000", "connection": b"binance-1"}


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouse]:
    """A server whose database for Kafka tables is in memory, as chDB's has to be."""
    with clickhouse_url(tmp_path / "clickhouse") as url, closing(ClickHouse.at(url)) as clickhouse:
        clickhouse.command(f"CREATE DATABASE IF NOT EXISTS {ENGINE_DATABASE} ENGINE = Memory")
        yield clickhouse
        clickhouse.command(f"DROP DATABASE {ENGINE_DATABASE}")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Connection]:
    folder = tmp_path / "ledger"
    folder.mkdir()
    valkey = EmbeddedValkey(folder)
    yield Connection.to_socket(valkey.socket, valkey.reason_of_death)
    valkey.stop()


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    """One that a test may stop."""
    cluster = MockCluster()
    for topic in TOPICS:
        cluster.make_topic(topic)
    yield cluster
    cluster.stop()


def text(number: int) -> bytes:
    time_ms = 1_737_118_158_321 + number
    return msgspec.json.encode(
        {"e": "trade", "s": "BTCUSDT", "t": number, "p": "5.5", "q": "2", "T": time_ms, "m": True}
    )


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_document_shows_what_is_carried_out() -> None:
    shown = DOCUMENT.read_text("utf-8").split("```sql\n")[1].split("```")[0]
    statements = engine_statements("broker:9092", TOPICS, "<server UUID>")
    assert shown.split() == [word for one in statements for word in f"{one};".split()]


@pytest.mark.parametrize("address", ["", "b:1' , kafka_topic_list = 'x", "b:1\n", "bröker:1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidConfig, match="KATO_KAFKA_BOOTSTRAP"):
        engine_statements(address, TOPICS, "x")


def test_settings_that_do_not_go_together(tmp_path: Path, clickhouse: ClickHouse) -> None:
    embedded = Settings(
        data_dir=tmp_path, cache_dir=tmp_path, kafka_engine=True, kafka_bootstrap="b:1"
    )
    for settings, reason in (
        (embedded, "KATO_CLICKHOUSE_URL"),
        (msgspec.structs.replace(embedded, kafka_bootstrap=None), "KATO_KAFKA_BOOTSTRAP"),
    ):
        with pytest.raises(InvalidConfig, match=reason):
            open_log(settings, clickhouse)


@pytest.mark.deep
def test_trades_of_the_broker_are_in_the_layers_once(
    clickhouse: ClickHouse, ledger: Connection, cluster: MockCluster, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        cache_dir=tmp_path,
        clickhouse_url="http://it-is-open-already",
        kafka_bootstrap=cluster.bootstrap,
        kafka_engine=True,
    )
    reading = FeedReading(InstrumentFile(None))
    market = Market(clickhouse)
    with (
        closing(KafkaWriter(cluster.bootstrap)) as writer,
        closing(open_log(settings, clickhouse)) as reader,
        Ingest(clickhouse, ledger, reader, reading, Pace(sealing=60.0)) as ingest,
    ):
        for number in [*range(1, 200), *range(150, 160)]:
            writer.send(TOPIC, "BTCUSDT", text(number), HEADERS)
        writer.flush()
        until(lambda: sum(one.trades for one in market.candles("BTC/USDT", "1d")) == 199)
        until(lambda: ingest.report.duplicates == 10)
        assert ingest.failure is None
        # A restart reads the broker again from where the engine was, or once more: all the same.
        start_engine(clickhouse, cluster.bootstrap, TOPICS)
        writer.send(TOPIC, "BTCUSDT", text(200), HEADERS)
        writer.flush()
        until(lambda: sum(one.trades for one in market.candles("BTC/USDT", "1d")) == 200)


def test_another_broker_takes_the_place_of_the_first(
    clickhouse: ClickHouse, cluster: MockCluster
) -> None:
    start_engine(clickhouse, "nobody-is-there:9092", TOPICS)
    names = "SELECT count() FROM system.tables WHERE database = {database:String}"
    before = clickhouse.rows(names, {"database": ENGINE_DATABASE})
    start_engine(clickhouse, cluster.bootstrap, TOPICS)
    assert clickhouse.rows(names, {"database": ENGINE_DATABASE}) == before == [(2,)]
    with (
        closing(EngineReader(clickhouse, "nobody-is-there:9092")) as old,
        closing(EngineReader(clickhouse, cluster.bootstrap)) as new,
    ):
        assert old.name != new.name


def test_a_broker_that_is_gone_is_told(clickhouse: ClickHouse, cluster: MockCluster) -> None:
    start_engine(clickhouse, cluster.bootstrap, TOPICS)
    with closing(EngineReader(clickhouse, cluster.bootstrap)) as reader:
        assert reader.poll({}, 10, 0.0) == []
        cluster.stop()
        with pytest.raises(StoreUnavailable, match="Kafka engine"):
            until(lambda: reader.poll({}, 10, 0.5) != [])
