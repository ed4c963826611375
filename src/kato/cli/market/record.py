"""``kato market record``: from an exchange to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kato.cli.display.text import safe
from kato.cli.market import options


def record(  # noqa: PLR0913, PLR0917 - a command's options
    exchange: options.Exchange,
    file: Annotated[Path, typer.Argument(help="File to write; compressed if it ends in .gz.")],
    symbols: options.Symbols = None,
    protocol: options.Protocol = None,
    url: options.Url = None,
    instruments: options.InstrumentsFile = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="End after that time [dim](default: when stopped)[/]."),
    ] = None,
) -> None:
    """Record what an exchange says: a line of JSON for each text, with time and connection.

    A file that is there already is continued. [bold]kato market replay[/] plays it.
    """
    from kato.market.feeds.connection import Connection  # noqa: PLC0415 - help must not wait
    from kato.market.feeds.recording import Recorder  # noqa: PLC0415
    from kato.market.feeds.running import keep_recording  # noqa: PLC0415
    from kato.market.instruments import InstrumentFile  # noqa: PLC0415

    spoken, names = options.protocol_of(exchange, protocol), options.names_of(symbols)
    known = InstrumentFile(instruments).instruments
    natives = [each.native for each in known.chosen(spoken.exchange, spoken.name, names)]
    recorder = Recorder(spoken.exchange, file)
    try:
        connection = Connection(spoken, natives, recorder, url=url)
        options.run_until_stopped(keep_recording(connection, recorder, seconds))
    finally:
        recorder.close()
    counts = recorder.counts
    typer.echo(safe(f"{file}: {counts.messages} messages, {counts.trades} trades"), err=True)
