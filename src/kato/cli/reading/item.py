"""What a reader yields: an example with its place, or a place with the reason it was rejected."""

from __future__ import annotations

import msgspec

from kato.model.example import Example


class Accepted(msgspec.Struct, frozen=True):
    """A sequence that was read.

    Attributes:
        example: The sequence, ready to be learned.
        file: Name of the file, ``-`` for standard input.
        line: Where it begins: the line from 1, or the row of a Parquet file.
    """

    example: Example
    file: str
    line: int


class Rejected(msgspec.Struct, frozen=True):
    """A line that could not be read as a sequence.

    Attributes:
        file: Name of the file, ``-`` for standard input.
        line: The line from 1, or the row of a Parquet file.
        reason: What is wrong with it.
    """

    file: str
    line: int
    reason: str


Item = Accepted | Rejected


def undecodable(error: UnicodeDecodeError) -> str:
    r"""The reason for a line that is no UTF-8.

    >>> try:
    ...     b"caf\xe9".decode()
    ... except UnicodeDecodeError as error:
    ...     undecodable(error)
    'is not UTF-8: byte 0xe9 at position 3'
    """
    return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
