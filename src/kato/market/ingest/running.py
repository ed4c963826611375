"""Ingest as a part of the process that has the memory open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.reading import FeedReading
from kato.market.instruments import InstrumentFile
from kato.market.log.opening import open_reader
from kato.market.measures import PROCESS, MarketMeasures
from kato.memory import Memory
from kato.settings import Settings


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
        reader = open_reader(settings)
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
    )
