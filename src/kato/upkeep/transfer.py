"""A knowledge base to a file and from one, in the format of the service's export.

An import keeps a note in the ledger of how many steps of which file it took. A step is carried out
under an operation id that follows from the note, and noted after; so the one that was on its way
when an import was killed is, when the same file is imported again, answered from its record.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from kato.errors import Conflict, InvalidInput, UnreadableInput
from kato.memory import KnowledgeBase, Memory
from kato.memory.exporting import Format, encoder
from kato.memory.importing import Importing, Lines, Row, Tally, parquet_rows
from kato.memory.searching import LARGEST_PAGE, PatternPage
from kato.model.statistics import KnowledgeBaseStatistics
from kato.storage.ledger.operations import Operation
from kato.upkeep.archive import digest_of

LONGEST_LINE = 64 << 20
"""Bytes of a line; a longer one is a bad row."""

KEPT_MS = 30 * 24 * 3_600_000
"""How long an import that was cut off can be taken up again."""

_PART = 1 << 20


class Imported(msgspec.Struct, frozen=True):
    """What an import did.

    Attributes:
        tally: What became of the rows, those of earlier attempts too.
        resumed_at: How many rows earlier attempts had taken.
    """

    tally: Tally
    resumed_at: int


class _Progress(msgspec.Struct):
    """How far an import is.

    Attributes:
        id: Of the operation of the whole; random.
        steps: How many were taken.
        tally: What became of their rows.
    """

    id: str
    steps: int
    tally: Tally


def export_to(kb: KnowledgeBase, target: Path) -> KnowledgeBaseStatistics:
    """Write all patterns of a knowledge base to a file, which is there when it is whole.

    Args:
        kb: What is learned meanwhile may be in the file or not.
        target: Its name ends in ``.parquet``, or ``.ndjson`` or ``.jsonl``.

    Returns:
        What the knowledge base counted when the file was done.

    Raises:
        InvalidInput: The name ends otherwise, or the file is there already.
        Conflict: The knowledge base was cleared meanwhile.
    """
    encode = encoder(format_of(target))
    if target.exists():
        raise InvalidInput(f"{target} is there already", remedy="give another name")
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as file:
            for page in _pages(kb):
                file.write(encode(page))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return kb.stats()


def import_from(memory: Memory, name: str, source: Path, *, replace: bool = False) -> Imported:
    """Put the patterns of a file into a knowledge base; one that was cut off is taken up again.

    Args:
        memory: Where the knowledge base is.
        name: The knowledge base's.
        source: The file; the end of its name says the format, as in :func:`export_to`.
        replace: Whether the knowledge base is cleared first.

    Raises:
        UnreadableInput: The file cannot be read.
        Conflict: After a replacing import, the counts are not those of the file.
    """
    kind = format_of(source)
    notes, about = memory.notes("import"), f"{_digest(source)} {replace:d} {name}"
    new = msgspec.json.encode(_Progress(secrets.token_hex(16), 0, Tally()))
    progress = msgspec.json.decode(notes.agree(about, new), type=_Progress)

    def keep(step: Operation, steps: int) -> None:
        now = _Progress(progress.id, steps, importing.tally)
        notes.write(about, msgspec.json.encode(now))
        ledger = memory.ledger()
        ledger.command("DEL", ledger.key(f"op:{step.part(0).id}"))

    kb = memory.knowledge_base(name)
    operation = Operation.repeatable(progress.id, about, KEPT_MS)
    resumed_at = progress.tally.rows
    importing = Importing(kb, operation, progress.steps, progress.tally, keep)
    if replace and not progress.steps:
        importing.replace()
    importing.take(_rows(source, kind))
    tally = importing.end()
    notes.remove(about)
    if replace:
        _compare(kb, tally)
    return Imported(tally, resumed_at)


def format_of(file: Path) -> Format:
    """The format that the end of a file's name says.

    Raises:
        InvalidInput: It says none.

    >>> format_of(Path("animals.parquet"))
    'parquet'
    """
    kinds: dict[str, Format] = {".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson"}
    if file.suffix not in kinds:
        raise InvalidInput(
            f"the name of {file} says no format", remedy="let it end in " + ", ".join(kinds)
        )
    return kinds[file.suffix]


def _pages(kb: KnowledgeBase) -> Iterator[PatternPage]:
    after = None
    while True:
        page = kb.patterns(after=after, limit=LARGEST_PAGE)
        yield page
        after = page.next
        if after is None:
            return


def _digest(source: Path) -> str:
    try:
        return digest_of(source)
    except OSError as error:
        raise UnreadableInput(f"cannot read {source}: {error.strerror}") from error


def _rows(source: Path, kind: Format) -> Iterator[Row]:
    with source.open("rb") as file:
        if kind == "parquet":
            yield from parquet_rows(file)
        else:
            yield from _lines(iter(partial(file.read, _PART), b""))


def _lines(parts: Iterable[bytes]) -> Iterator[Row]:
    lines = Lines(LONGEST_LINE)
    for part in parts:
        yield from lines.rows(part)
    yield from lines.end()


def _compare(kb: KnowledgeBase, tally: Tally) -> None:
    stats = kb.stats()
    counted = (stats.patterns, stats.pattern_frequencies, stats.total_symbols)
    expected = (tally.new, tally.frequencies, tally.symbols)
    if counted != expected:
        raise Conflict(
            f"{counted} patterns, learns and symbols are counted where the file has {expected}",
            remedy="import again when nobody learns into the knowledge base meanwhile",
        )
