"""``kato market feed``: from an exchange to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kato.cli.display.text import safe
from kato.cli.market import options

if TYPE_CHECKING:
    from kato.market.feeds.counts import Counts


def feed(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    exchange: options.Exchange,
    symbols: options.Symbols = None,
    protocol: options.Protocol = None,
    url: options.Url = None,
    instruments: options.InstrumentsFile = None,
    silence: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Seconds without any message after which it connects again [dim](default: 60"
            " for Binance, which has no heartbeats, else 10)[/].",
            show_default=False,
        ),
    ] = None,
    direct: options.Direct = False,
    normalized: options.Normalized = None,
    report: Annotated[
        float, typer.Option(min=0, help="Seconds between two lines about it; 0 for none.")
    ] = 60.0,
    metrics_port: options.MetricsPort = None,
) -> None:
    """Write what an exchange says to the log, until it is stopped.

    The log is the broker that KATO_KAFKA_BOOTSTRAP names, else the server of the ledger: that of
    KATO_REDIS_URL, or of the process that has the data directory open. If the log fails, the feed
    ends with an error; if the exchange does, it connects again.
    """
    from kato.market.feeds.connection import Connection  # noqa: PLC0415 - help must not wait
    from kato.market.feeds.feed import Feed  # noqa: PLC0415
    from kato.market.feeds.life import Timing  # noqa: PLC0415
    from kato.market.feeds.running import keep_feeding  # noqa: PLC0415
    from kato.market.instruments import InstrumentFile  # noqa: PLC0415
    from kato.market.log.opening import open_writer  # noqa: PLC0415
    from kato.market.measures import PROCESS  # noqa: PLC0415

    spoken, names = options.protocol_of(exchange, protocol), options.names_of(symbols)
    known = InstrumentFile(instruments)
    chosen = known.instruments.chosen(spoken.exchange, spoken.name, names)
    settings = options.settings_of(context, direct=direct)
    encoder = options.encoder_of(settings, (spoken.exchange,), normalized)
    writer = open_writer(settings)
    try:
        fed = Feed(spoken, known, writer, encoder)
        PROCESS.feeds.put(spoken.exchange, fed.counts)
        timing = Timing(silence or spoken.silence, spoken.lifetime)
        natives = [each.native for each in chosen]
        connection = Connection(spoken, natives, fed, url=url, timing=timing)
        log = settings.kafka_bootstrap or "the ledger's server"
        typer.echo(safe(f"{spoken.name}: {len(chosen)} symbols to {log}"), err=True)
        work = keep_feeding(
            connection, fed, known, names, lambda: _print(spoken.name, fed.counts), report
        )
        with options.measured(metrics_port):
            options.run_until_stopped(work)
    finally:
        writer.close()
    _print(spoken.name, fed.counts)


def _print(name: str, counts: Counts) -> None:
    gone = sum(counts.dead_letters.values())
    noted = ", ".join(f"{kind} {number}" for kind, number in sorted(counts.notes.items()))
    typer.echo(
        f"{name} {counts.state}: {counts.messages} messages, {counts.trades} trades, {gone} dead"
        f" letters, {sum(counts.failures.values())} failures; {noted or 'nothing to note'}",
        err=True,
    )
