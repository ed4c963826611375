"""The log that the settings name, opened by the owner of a data directory and by others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.market.brokers.mock import MockCluster
from tests.market.log.logs import whole
from tests.storage.stores import TcpValkey

from kato.errors import StoreUnavailable
from kato.market.log.kafka import KafkaReader, KafkaWriter
from kato.market.log.opening import open_ledger, open_reader, open_writer
from kato.market.log.records import raw_topic
from kato.market.log.stream import StreamReader, StreamWriter
from kato.settings import Settings
from kato.storage.embedded.directory import DataDirectory
from kato.storage.embedded.valkey import EmbeddedValkey

TOPIC = raw_topic("binance")

_FEED = """
import sys
from kato.market.log.opening import open_writer
from kato.market.log.records import raw_topic
from kato.settings import Settings
writer = open_writer(Settings.from_environment({"KATO_DATA_DIR": sys.argv[1]}))
writer.send(raw_topic("binance"), "BTCUSDT", b"from another process", {})
writer.close()
"""

_WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from kato.errors import KatoError
from kato.market.log.opening import open_writer
from kato.settings import Settings
try:
    open_writer(Settings.from_environment({"KATO_KAFKA_BOOTSTRAP": "localhost:1"}))
except KatoError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "dåta", cache_dir=tmp_path)


@contextmanager
def owned(settings: Settings) -> Iterator[EmbeddedValkey]:
    """The data directory, open in this process."""
    with DataDirectory(settings.data_dir) as directory:
        valkey = EmbeddedValkey(directory.ledger)
        yield valkey
        valkey.stop()


def values(settings: Settings) -> list[bytes]:
    """All that the topic holds."""
    reader = open_reader(settings)
    records = [record for part in whole(reader, TOPIC).values() for record in part]
    reader.close()
    return [record.value for record in records]


def test_another_process_writes_to_the_owners_log(settings: Settings) -> None:
    with owned(settings):
        command = [sys.executable, "-c", _FEED, str(settings.data_dir)]
        subprocess.run(command, check=True, timeout=60)
        assert values(settings) == [b"from another process"]


def test_a_directory_that_nobody_has_open_is_told(settings: Settings) -> None:
    with pytest.raises(StoreUnavailable, match="no process has"):
        open_writer(settings)
    with owned(settings):
        writer = open_writer(settings)
        writer.send(TOPIC, "key", b"value", {})
        writer.close()
    with pytest.raises(StoreUnavailable, match="kato market ingest"):
        open_reader(settings)


def test_an_owner_that_went_is_told(settings: Settings) -> None:
    with owned(settings):
        reader = open_reader(settings)
        assert reader.partitions([TOPIC]) == []
    with pytest.raises(StoreUnavailable, match="no process has"):
        reader.partitions([TOPIC])


def test_a_ledger_that_hangs_up_is_told(settings: Settings) -> None:
    with owned(settings) as valkey:
        ledger = open_ledger(settings)
        valkey.stop()
        with pytest.raises(StoreUnavailable, match="embedded Valkey of process"):
            ledger.command("PING")


def test_a_server_is_the_log_where_there_is_one(tmp_path: Path, settings: Settings) -> None:
    valkey = TcpValkey(tmp_path)
    settings = msgspec.structs.replace(settings, redis_url=valkey.url)
    writer = open_writer(settings)
    assert isinstance(writer, StreamWriter)
    writer.send(TOPIC, "key", b"value", {})
    writer.close()
    assert values(settings) == [b"value"]
    valkey.stop()


def test_a_broker_is_the_log_where_there_is_one(
    mock_cluster: MockCluster, settings: Settings
) -> None:
    mock_cluster.make_topic(TOPIC)
    settings = msgspec.structs.replace(settings, kafka_bootstrap=mock_cluster.bootstrap)
    writer, reader = open_writer(settings), open_reader(settings)
    assert isinstance(writer, KafkaWriter)
    assert isinstance(reader, KafkaReader)
    writer.send(TOPIC, "key", b"value", {})
    writer.close()
    reader.close()
    assert values(settings) == [b"value"]


def test_without_the_extra_it_is_said_what_to_install() -> None:
    command = [sys.executable, "-c", _WITHOUT, "confluent_kafka"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("InvalidConfig")
    assert "pip install 'kato[market]'" in done.stdout


def test_the_limit_of_a_topic_is_a_setting(settings: Settings) -> None:
    settings = msgspec.structs.replace(settings, market_log_limit_mb=7)
    with owned(settings):
        writer, reader = open_writer(settings), open_reader(settings)
        assert isinstance(reader, StreamReader)
        assert isinstance(writer, StreamWriter)
        assert writer._limit == 7 << 20
        writer.close()
        reader.close()


def test_topics_are_made_as_the_settings_say(kafka_bootstrap: str, settings: Settings) -> None:
    settings = msgspec.structs.replace(
        settings, kafka_bootstrap=kafka_bootstrap, kafka_partitions=5
    )
    topic = f"{TOPIC}.{id(settings)}"
    writer, reader = open_writer(settings), open_reader(settings)
    writer.send(topic, "key", b"value", {})
    writer.close()
    assert len(reader.partitions([topic])) == 5
    reader.close()
