"""What did not fit: every row, with the reason and what was done."""

from __future__ import annotations

import json
from collections import Counter
from typing import IO, Any

import msgspec

from kato.errors import shown

LEFT_OUT = "left out"
"""Done with a row that is not taken over."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that did not fit; a line of the report.

    Attributes:
        where: File or table, and position in it.
        base: What the source calls the knowledge base.
        name: The pattern's name there, or the symbol it is about.
        subject: What is wrong: ``name``, ``frequency``, ``emotives``, ...
        reason: Why.
        done: What was done about it.
    """

    where: str
    base: str
    name: Any
    subject: str
    reason: str
    done: str


class Report:
    """Writes findings, a line of JSON each, and counts them.

    Args:
        file: Where they go.

    Attributes:
        counts: Findings by subject and by what was done.

    >>> import io
    >>> report = Report(io.StringIO())
    >>> report.add(Finding(where="row 1", base="b", name="n", subject="row", reason="r", done="d"))
    >>> report.counts
    Counter({('row', 'd'): 1})
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, finding: Finding) -> None:
        """Write and count a finding."""
        self.counts[finding.subject, finding.done] += 1
        told = msgspec.structs.asdict(finding)
        if not isinstance(finding.name, str):
            told["name"] = shown(finding.name)
        # The standard library's JSON escapes lone surrogates, which a source may well hold.
        self._file.write(json.dumps(told) + "\n")
