"""``kato serve``: the memory over HTTP."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kato.cli.display.text import safe
from kato.cli.options import Common
from kato.errors import InvalidConfig
from kato.settings import Settings


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes; more than one needs servers by URL.")
    ] = 1,
    market: Annotated[
        bool,
        typer.Option(
            "--market",
            help="Also carry what [bold]kato market feed[/] writes to the layers, and answer"
            " candles at /market.",
        ),
    ] = False,
) -> None:
    """Serve the memory over HTTP: sessions, patterns and predictions, documented at /docs."""
    common: Common = context.obj
    if common.data_dir is not None:
        os.environ["KATO_DATA_DIR"] = str(common.data_dir)
    settings = Settings.from_environment()
    if workers > 1 and not (settings.clickhouse_url and settings.redis_url):
        raise InvalidConfig(
            {
                "workers": "embedded stores belong to one process; several workers need "
                "KATO_CLICKHOUSE_URL and KATO_REDIS_URL"
            }
        )
    if market:
        _check_market(workers)
    # Only this command needs a web server and compiled code.
    from kato.memory.kernels import are_compiled  # noqa: PLC0415
    from kato.service.serving import run  # noqa: PLC0415

    if not are_compiled():
        typer.echo("compiling, once on this machine: about half a minute", err=True)
    run(settings, host, port, workers, lambda url: _print_ready(url, settings), market=market)


def _check_market(workers: int) -> None:
    from kato.market import extra  # noqa: PLC0415 - the others need none of it

    extra.require()
    if workers > 1:
        raise InvalidConfig({"market": "with several workers, kato market ingest is apart"})


def _print_ready(url: str, settings: Settings) -> None:
    by_url = settings.clickhouse_url and settings.redis_url
    data = "servers by URL" if by_url else settings.data_dir
    typer.echo(safe(f"serving {url} (docs at {url}/docs), data in {data}"))
    sys.stdout.flush()
