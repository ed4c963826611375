"""``kato key``: make a key for the service."""

from __future__ import annotations

from typing import Annotated

import typer

from kato.cli.options import Json


def key(  # noqa: PLR0913, PLR0917 - a command's options
    name: Annotated[str, typer.Argument(help="What logs and messages call the key.")],
    node: Annotated[
        list[str] | None,
        typer.Option(
            help="A node it opens, by name or pattern (*, ?, [...]); may be given again. All nodes"
            " if none is given.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Let it write, too.")] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Let it read the service's measures.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Requests a second that a worker takes of it; 0 is no limit [dim](default:"
            " KATO_REQUESTS_PER_SECOND)[/].",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key for the service.

    Prints it, and below it the line for the file that KATO_API_KEYS_FILE names: in TOML, or with
    --json for a file of JSON lines. The file holds only a hash, so the key is shown this once.
    """
    from kato.service.keys import (  # noqa: PLC0415 - only this command needs the service
        ALL_NODES,
        Key,
        Right,
        hash_of,
        json_line,
        new_secret,
        toml_line,
    )

    asked: dict[Right, bool] = {"read": True, "write": write, "metrics": metrics}
    rights = tuple(right for right, wanted in asked.items() if wanted)
    nodes = tuple(node or (ALL_NODES,))
    made = Key(name=name, nodes=nodes, rights=rights, requests_per_second=rate)
    secret = new_secret()
    line = json_line if as_json else toml_line
    typer.echo(secret)
    typer.echo(line(hash_of(secret), made))
