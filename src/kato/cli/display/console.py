"""Where output goes: answers to standard output, all else to standard error."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from kato.cli.display.text import safe, safe_json
from kato.errors import KatoError


def answers() -> Console:
    """The console of answers."""
    return Console(highlight=False, markup=False, emoji=False)


def notes() -> Console:
    """The console of progress, bad lines and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(safe_json(msgspec.json.encode(value)) + "\n")


def print_error(error: KatoError) -> None:
    """Print an error as one red line that ends with the remedy."""
    line = Text.assemble(("error: ", "bold red"), (safe(str(error)), "red"))
    notes().print(line, soft_wrap=True)
