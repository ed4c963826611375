"""The program ``kato``: its commands, what stands before them, and how errors end it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from kato.cli import (
    archives,
    cluster,
    demo,
    doctor,
    evaluate,
    explain,
    key,
    learn,
    predict,
    rebuild,
    serve,
    stored,
    transfer,
    undo,
    verify,
)
from kato.cli.display.console import print_error
from kato.cli.market import market
from kato.cli.migrate import migrate
from kato.cli.options import Common
from kato.errors import InvalidInput, KatoError

app = typer.Typer(
    name="kato",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_LEARNING, _LOOKING = "Learn and predict", "Look and tidy"
_KEEPING = "Keep and move"
_SERVING, _STREAMS, _TRYING = "Serve", "Streams", "See it work"
_UPKEEP = "Look after a memory"
app.command(rich_help_panel=_LEARNING)(learn.learn)
app.command(rich_help_panel=_LEARNING)(predict.predict)
app.command(rich_help_panel=_LEARNING)(explain.explain)
app.command(rich_help_panel=_LOOKING)(stored.show)
app.command(rich_help_panel=_LOOKING)(stored.stats)
app.command(rich_help_panel=_LOOKING)(stored.forget)
app.command(rich_help_panel=_LOOKING)(stored.clear)
app.command(rich_help_panel=_LOOKING)(stored.drop)
app.command(rich_help_panel=_LOOKING)(undo.undo)
app.command(rich_help_panel=_LOOKING)(undo.mark)
app.command(rich_help_panel=_UPKEEP)(verify.verify)
app.add_typer(rebuild.rebuild, rich_help_panel=_UPKEEP)
app.command(rich_help_panel=_KEEPING)(archives.backup)
app.command(rich_help_panel=_KEEPING)(archives.restore)
app.command(rich_help_panel=_KEEPING)(archives.upgrade)
app.command(rich_help_panel=_KEEPING)(transfer.export)
app.command("import", rich_help_panel=_KEEPING)(transfer.import_)
app.command(rich_help_panel=_SERVING)(serve.serve)
app.command(rich_help_panel=_SERVING)(key.key)
app.command(rich_help_panel=_SERVING)(doctor.doctor)
app.command("cluster-ddl", rich_help_panel=_SERVING)(cluster.cluster_ddl)
app.add_typer(migrate, rich_help_panel=_LOOKING)
app.add_typer(market, rich_help_panel=_STREAMS)
app.command(rich_help_panel=_TRYING)(demo.demo)
app.command(rich_help_panel=_TRYING)(evaluate.evaluate)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 for input that cannot be used, 1 for other errors.

    Args:
        arguments: What stands behind ``kato``; the process's own by default.
    """
    _print_any_text()
    try:
        app(args=arguments, prog_name="kato")
    except KatoError as error:
        print_error(error)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)


@app.callback()
def before(
    context: typer.Context,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the stores [dim](default: KATO_DATA_DIR, else the user's data folder)"
            "[/].",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="KATO_URL",
            help="Talk to the service there, as http://localhost:8000.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="KATO_API_KEY",
            help="Key of the service, if it wants one.",
            show_default=False,
        ),
    ] = None,
    _version_asked: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """KATO remembers sequences and says what comes next, and why.

    It observes events, learns them as patterns, and recalls those that are like what is seen now.
    Same input, same answer, and every answer names the pattern it comes from.

    Try [bold]kato demo[/] first.
    """
    context.obj = Common(data_dir, url, api_key)


def _print_any_text() -> None:
    # Under LANG=C a stream cannot encode most symbols: it shows their escapes instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kato {metadata.version('kato')}")
        raise typer.Exit
