"""Several inputs read one after the other, as one stream of items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kato.cli.reading.columns import Columns
from kato.cli.reading.formats import guess_format, reader
from kato.cli.reading.item import Item, Rejected
from kato.cli.reading.source import BROKEN, Source, stored_size
from kato.cli.reading.window import Window


class Inputs:
    """The items of several inputs, and how far reading them has come.

    Iterate it once. A file that breaks in the middle (truncated gzip, failing disk) ends with a
    rejected item and the next file goes on.

    Args:
        paths: Paths, or ``-`` for standard input. All are looked at before the first is read, so
            that a misspelt one is found before anything is learned.
        format_name: One of :data:`~kato.cli.reading.formats.FORMATS`; guessed by file if None.
        columns: Which columns of a table to read.
        window: How long sequences are cut; not at all if None.

    Attributes:
        size: Bytes of all inputs; None if that of one is unknown.

    Raises:
        UnreadableInput: An input cannot be opened.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        format_name: str | None = None,
        columns: Columns | None = None,
        window: Window | None = None,
    ) -> None:
        self._paths = paths
        self._format = format_name
        self._columns = columns or Columns()
        self._window = window
        sizes = [stored_size(path) for path in paths]
        self.size = None if None in sizes else sum(size for size in sizes if size is not None)
        self._finished = 0
        self._current: Source | None = None

    @property
    def consumed(self) -> int:
        """How many of :attr:`size` bytes were worked through."""
        return self._finished + (self._current.consumed if self._current else 0)

    def __iter__(self) -> Iterator[Item]:
        for path in self._paths:
            with Source(path) as source:
                self._current = source
                items = self._read(source)
                yield from self._window.cut(items) if self._window else items
                self._finished += source.size or 0
                self._current = None

    def _read(self, source: Source) -> Iterator[Item]:
        try:
            name = self._format or guess_format(source, self._columns)
            yield from reader(name)(source, self._columns)
        except BROKEN as error:
            reason = f"cannot be read further: {error or type(error).__name__}"
            yield Rejected(source.name, source.line + 1, reason)
