"""Sequences from files: one small reader a format, each a stream of accepted and rejected items."""

from kato.cli.reading.columns import Columns
from kato.cli.reading.formats import FORMATS, guess_format
from kato.cli.reading.inputs import Inputs
from kato.cli.reading.item import Accepted, Item, Rejected
from kato.cli.reading.source import STANDARD_INPUT, Source
from kato.cli.reading.window import Window

__all__ = [
    "FORMATS",
    "STANDARD_INPUT",
    "Accepted",
    "Columns",
    "Inputs",
    "Item",
    "Rejected",
    "Source",
    "Window",
    "guess_format",
]
