"""The command line, one file a command group."""

from kato.cli.app import main

__all__ = ["main"]
