"""``kato market ingest``, ``seal`` and ``backfill``: from the log to the layers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from kato.cli.display.console import answers, print_json
from kato.cli.market import options
from kato.cli.options import Common, Json

if TYPE_CHECKING:
    from pathlib import Path

    from kato.market.ingest.ingest import Ingest
    from kato.market.ingest.reading import FeedReading
    from kato.market.ingest.report import Report
    from kato.market.log.records import LogReader
    from kato.storage.clickhouse.client import ClickHouse
    from kato.storage.ledger.connection import Connection

Lateness = Annotated[
    float,
    typer.Option(min=0, help="Seconds a trade may come late before its candle is sealed."),
]


def ingest(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    instruments: options.InstrumentsFile = None,
    direct: options.Direct = False,
    lateness: Lateness = 10.0,
    interval: Annotated[
        float, typer.Option(min=1, max=10_000, help="Milliseconds a record may wait.")
    ] = 50.0,
    report: Annotated[
        float, typer.Option(min=0, help="Seconds between two lines about it; 0 for none.")
    ] = 60.0,
    metrics_port: options.MetricsPort = None,
    skip_lost: Annotated[
        bool,
        typer.Option(
            "--skip-lost", help="Go on behind records that the log does not keep any more."
        ),
    ] = False,
) -> None:
    """Carry what feeds wrote to bronze, silver and candles, until it is stopped.

    Each record is carried once, whatever is killed when. Candles whose time is over are sealed, and
    what is older than each layer is kept is taken away.
    """
    from kato.market.ingest.ingest import Ingest, Pace  # noqa: PLC0415 - help must not wait
    from kato.market.ingest.running import open_log  # noqa: PLC0415

    settings = options.settings_of(context, direct=direct)
    pace = Pace(interval=interval / 1000, lateness=lateness)
    with _opened(context, instruments) as (clickhouse, ledger, reading), ExitStack() as opened:
        reader = open_log(settings, clickhouse)
        opened.callback(reader.close)
        opened.enter_context(options.measured(metrics_port))
        if skip_lost:
            _skip(clickhouse, ledger, reader)
        running = opened.enter_context(Ingest(clickhouse, ledger, reader, reading, pace))
        log = settings.kafka_bootstrap or "the ledger's server"
        typer.echo(f"ingesting from {log}", err=True)
        _watch(running, report)
    _print(running.report, None)


def seal(context: typer.Context, lateness: Lateness = 10.0, json: Json = False) -> None:
    """Seal all candles whose time is over, from the distinct trades of silver.

    `kato market ingest` does so by itself.
    """
    from kato.market.layers.sealing import Sealer  # noqa: PLC0415 - help must not wait

    with _opened(context, None) as (clickhouse, _, _):
        sealed = Sealer(clickhouse, lateness).seal(everything=True)
    if json:
        print_json(sealed)
    else:
        answers().print(f"sealed: {sealed.windows:,} in {sealed.seconds:.2f} s")


def backfill(
    context: typer.Context,
    instruments: options.InstrumentsFile = None,
    lateness: Lateness = 10.0,
    json: Json = False,
) -> None:
    """Make silver and candles anew from bronze, as decoders and instruments are now.

    Trades that silver has stay; what it has not comes in. Stop `kato market ingest` first.
    """
    from kato.market.ingest.backfill import backfill  # noqa: PLC0415 - help must not wait

    with _opened(context, instruments) as (clickhouse, ledger, reading):
        done = backfill(clickhouse, ledger, reading, lateness)
    if json:
        print_json(done)
    else:
        answers().print(
            f"read {done.read:,} trades, added {done.added:,}; {done.months:,} months of candles"
            f" anew, {done.sealed:,} sealed"
        )


@contextmanager
def _opened(
    context: typer.Context, instruments: Path | None
) -> Iterator[tuple[ClickHouse, Connection, FeedReading]]:
    """The stores, which this process owns if they are embedded, and what records mean."""
    import kato  # noqa: PLC0415 - help must not wait
    from kato.market.ingest.reading import FeedReading  # noqa: PLC0415
    from kato.market.instruments import InstrumentFile  # noqa: PLC0415
    from kato.market.layers.migrations import migrate  # noqa: PLC0415

    common = context.find_object(Common) or Common()
    with ExitStack() as opened:
        reading = FeedReading(InstrumentFile(instruments))
        memory = opened.enter_context(kato.open(common.data_dir))
        clickhouse = memory.clickhouse()
        opened.callback(clickhouse.close)
        migrate(clickhouse)
        yield clickhouse, memory.ledger(), reading


def _skip(clickhouse: ClickHouse, ledger: Connection, reader: LogReader) -> None:
    from kato.market.ingest.intents import Intents  # noqa: PLC0415 - help must not wait
    from kato.market.ingest.lost import skip_lost  # noqa: PLC0415

    for loss in skip_lost(clickhouse, Intents.of(ledger, reader), reader):
        topic, partition = loss.position
        typer.echo(f"lost: {topic} {partition}, offsets {loss.start} to {loss.stop}", err=True)


def _watch(running: Ingest, seconds: float) -> None:
    """Wait until somebody asks the process to stop, and say once in a while how it goes."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(seconds or None):
        _print(running.report, running.failure)


def _print(report: Report, failure: Exception | None) -> None:
    typer.echo(
        f"{report.trades:,} trades, {report.new:,} new, {report.invalid:,} invalid,"
        f" {report.unreadable + report.unknown:,} unusable; {report.waiting:,} wait,"
        f" visible after {report.delay:.3f} s" + (f"; failing: {failure}" if failure else ""),
        err=True,
    )
