"""Brokers that want to know who comes, and what a file may say of the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.market.brokers.kafka import PASSWORD, USER, KafkaBroker
from tests.market.brokers.maven import Missing

from kato.errors import InvalidConfig, StoreUnavailable
from kato.market.log import kafka
from kato.market.log.kafka import KafkaReader, KafkaWriter
from kato.market.log.opening import open_reader, open_writer
from kato.market.log.properties import OURS, read_properties
from kato.market.log.records import Position, Span, raw_topic
from kato.settings import Settings

TOPIC = raw_topic("binance")


def written(folder: Path, text: str) -> Path:
    path = folder / "client.properties"
    path.write_text(text, "utf-8")
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    text = "# who\n\nsasl.username = kato\nsasl.password=a=b #c\n"
    assert read_properties(written(tmp_path, text)) == {
        "sasl.username": "kato",
        "sasl.password": "a=b #c",
    }


@pytest.mark.parametrize("line", ["no property", "=value", *(f"{name}=1" for name in sorted(OURS))])
def test_a_line_that_cannot_be_used_is_told(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidConfig, match="line 2"):
        read_properties(written(tmp_path, f"sasl.password=hidden\n{line}\n"))


def test_all_that_is_set_for_the_client_is_refused_in_a_file() -> None:
    source = Path(kafka.__file__).read_text("utf-8")
    names = set(re.findall(r'^ +"([a-z_.]+)": ', source, flags=re.MULTILINE))
    assert names - {"on_delivery", "error_cb"} == OURS


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="KATO_KAFKA_CONFIG"):
        read_properties(tmp_path / "none")


def test_a_property_nobody_knows_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "no.such.property=1\n")
    settings = Settings(
        data_dir=tmp_path, cache_dir=tmp_path, kafka_bootstrap="localhost:1", kafka_config=path
    )
    with pytest.raises(InvalidConfig, match="KATO_KAFKA_CONFIG"):
        open_writer(settings)
    with pytest.raises(InvalidConfig, match="KATO_KAFKA_CONFIG"):
        open_reader(settings)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    folder = tmp_path / "kafka"
    folder.mkdir()
    try:
        broker = KafkaBroker(folder)
    except Missing as reason:
        pytest.skip(f"needs Apache Kafka: {reason}")
    yield broker
    broker.stop()


@pytest.mark.deep
def test_a_broker_is_told_who_comes(broker: KafkaBroker, tmp_path: Path) -> None:
    who = f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username={USER}\n"
    known = read_properties(written(tmp_path, f"{who}sasl.password={PASSWORD}\n"))
    writer = KafkaWriter(broker.guarded, properties=known, replication=1, partitions=1)
    writer.send(TOPIC, "key", b"value", {})
    writer.close()
    reader = KafkaReader(broker.guarded, properties=known)
    assert reader.partitions([TOPIC]) == [Position(TOPIC, 0)]
    assert [record.value for record in reader.read([Span(TOPIC, 0, 0, 1)])] == [b"value"]
    reader.close()
    unknown = read_properties(written(tmp_path, f"{who}sasl.password=wrong\n"))
    stranger = KafkaReader(broker.guarded, properties=unknown, deadline=3)
    with pytest.raises(StoreUnavailable):
        stranger.partitions([TOPIC])
    stranger.close()
