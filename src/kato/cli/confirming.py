"""Asking before something is taken away."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kato.errors import InvalidInput

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Go on if a person says so, or if nobody is to be asked.

    Args:
        question: What is asked.
        yes: Whether it was said in advance.

    Raises:
        InvalidInput: It was not, and there is no terminal to ask at.
        typer.Abort: The answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"there is no terminal to ask at: {question}", remedy="give --yes if it is so"
        )
    typer.confirm(question, abort=True)
