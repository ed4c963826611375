"""What the command line's tests share: reading bytes, and looking at what was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kato.cli.reading import Accepted, Inputs, Item, Rejected
from kato.model.example import Example


def read_file(path: Path, content: bytes, **options: Any) -> list[Item]:
    """Write bytes to a path and read it with the options of Inputs."""
    path.write_bytes(content)
    return list(Inputs([str(path)], **options))


def examples(items: list[Item]) -> list[Example]:
    """The examples that were accepted."""
    return [item.example for item in items if isinstance(item, Accepted)]


def events(items: list[Item]) -> list[list[list[str]]]:
    """Their events."""
    return [[list(event) for event in example.events] for example in examples(items)]


def sequences(items: list[Item]) -> list[list[str]]:
    """Their symbols, where each event has one."""
    return [[symbol for (symbol,) in sequence] for sequence in events(items)]


def rejected(items: list[Item]) -> list[tuple[int, str]]:
    """Line and reason of what was rejected."""
    return [(item.line, item.reason) for item in items if isinstance(item, Rejected)]


def accepted_lines(items: list[Item]) -> list[int]:
    """The lines of what was accepted."""
    return [item.line for item in items if isinstance(item, Accepted)]
