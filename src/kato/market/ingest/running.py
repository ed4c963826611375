"""Ingest as a part of the process that has the memory open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.log import TOPICS
from kato.market.ingest.reading import FeedReading
from kato.market.instruments import InstrumentFile
from kato.market.log.engine import open_engine
from kato.market.log.opening import open_reader
from kato.market.log.records import LogReader
from kato.market.measures import PROCESS, MarketMeasures
from kato.memory import Memory
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse


def open_log(settings: Settings, clickhouse: ClickHouse) -> LogReader:
    """The log that the settings name, as ingest reads it.

    Raises:
        StoreUnavailable: The log or ClickHouse does not answer.
        InvalidConfig: An extra is missing, or settings that do not go together.
    """
    if settings.kafka_engine:
        return open_engine(settings, clickhouse, TOPICS)
    return open_reader(settings)


@contextmanager
def ingesting(
    memory: Memory,
    settings: Settings,
    *,
    instruments: Path | None = None,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    measures: MarketMeasures = PROCESS,
) -> Iterator[Ingest]:
    """Ingest the log that the settings name into the layers of a memory, beside whatever it does.

    Args:
        memory: An open one.
        settings: Of the same stores.
        instruments: File of instruments; that of the package by default.
        pace: When ingest does what.
        measures: Where it tells what it counts.

    Raises:
        StoreUnavailable: The log or a store does not answer.
        StoreTooNew: A newer release made the tables.
    """
    reading = FeedReading(InstrumentFile(instruments))
    with ExitStack() as opened:
        clickhouse = memory.clickhouse()
        opened.callback(clickhouse.close)
        reader = open_log(settings, clickhouse)
        opened.callback(reader.close)
        ingest = Ingest(clickhouse, memory.ledger(), reader, reading, pace, measures)
        yield opened.enter_context(ingest)


def settings_for(folder: Path) -> Settings:
    """Settings of embedded stores in a folder, and the log in their ledger."""
    return msgspec.structs.replace(
        Settings.from_environment(),
        data_dir=folder,
        clickhouse_url=None,
        redis_url=None,
        kafka_bootstrap=None,
        kafka_engine=False,
    )
