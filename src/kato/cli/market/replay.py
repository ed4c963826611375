"""``kato market replay``: from a file to the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kato.cli.display.text import safe
from kato.cli.market import options


def replay(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that kato market record wrote.")],
    speed: Annotated[
        float, typer.Option(min=0, help="1 as it came, 10 ten times as fast, 0 without pauses.")
    ] = 1.0,
    instruments: options.InstrumentsFile = None,
    direct: options.Direct = False,
    normalized: options.Normalized = None,
) -> None:
    """Write what was recorded to the log, through the same code as what comes from an exchange."""
    from kato.market.feeds.clock import SystemClock  # noqa: PLC0415 - help must not wait
    from kato.market.feeds.recording import Player, recorded  # noqa: PLC0415
    from kato.market.instruments import InstrumentFile  # noqa: PLC0415
    from kato.market.log.opening import open_writer  # noqa: PLC0415
    from kato.market.trade import EXCHANGES  # noqa: PLC0415

    known, settings = InstrumentFile(instruments), options.settings_of(context, direct=direct)
    encoder = options.encoder_of(settings, EXCHANGES, normalized)
    writer = open_writer(settings)
    try:
        player = Player(known, writer, encoder)
        options.run_until_stopped(player.play(recorded(file), SystemClock(), speed))
    finally:
        writer.close()
    for exchange, counts in player.counts().items():
        typer.echo(
            safe(f"{exchange}: {counts.messages} messages, {counts.trades} trades"), err=True
        )
