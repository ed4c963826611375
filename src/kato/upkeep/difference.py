"""What is not as it should be."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kato.storage.ledger.audit import Fix


class Difference(msgspec.Struct, frozen=True):
    """Something that is stored otherwise than it follows from the sequences.

    Attributes:
        check: What was looked at, as ``frequency`` or ``bands``.
        knowledge_base: Its name; None of what belongs to none.
        where: Which one, as ``pattern 0c9c…`` or ``symbol 'a'``.
        stored: What is there.
        expected: What should be there.
        mended: Whether it was set right; None if that was not asked for.
    """

    check: str
    knowledge_base: str | None
    where: str
    stored: str
    expected: str
    mended: bool | None = None


class Found(msgspec.Struct, frozen=True):
    """A difference, and how it is mended if it can be.

    Attributes:
        difference: What is wrong.
        fixes: Fields of the ledger that set it right.
        mend: Sets it right otherwise.
    """

    difference: Difference
    fixes: tuple[Fix, ...] = ()
    mend: Callable[[], None] | None = None
