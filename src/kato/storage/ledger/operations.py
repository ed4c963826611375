"""Operations: changes that may be asked for again, and are carried out once.

A script keeps the answer of each operation for a while, and with it what the caller was told; so a
repeat is told the same as the first.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from kato.errors import OperationReused
from kato.model.identity import new_id

KEPT_MS = 60_000
"""How long the answer of an operation is kept for a repeat by the process that began it."""

REPEATABLE_MS = 3_600_000
"""How long the answer is kept of an operation whose id the caller gave."""

T = TypeVar("T")


class Operation(msgspec.Struct, frozen=True):
    """A change that is carried out once, however often it is asked for.

    Attributes:
        id: Any text; the same for a repeat, and for nothing else.
        request: What was asked for, or a digest of it, where the caller gave the id: a repeat must
            ask for the same.
        told: What a repeat is told, encoded.
        kept_ms: How long its answer is kept.

    >>> operation = Operation.repeatable("7f", "learn a b").telling([1, "x"])
    >>> operation.answer(operation.told, list)
    [1, 'x']
    """

    id: str = msgspec.field(default_factory=new_id)
    request: str = ""
    told: str = ""
    kept_ms: int = KEPT_MS

    @classmethod
    def repeatable(cls, identity: str, request: str, kept_ms: int = REPEATABLE_MS) -> Operation:
        """An operation that its caller may repeat within an hour, or longer if it says so."""
        return cls(identity, request, "", kept_ms)

    @property
    def is_repeatable(self) -> bool:
        """Whether its caller may repeat it."""
        return self.kept_ms >= REPEATABLE_MS

    def part(self, number: int | str) -> Operation:
        """The operation of one of several steps, which a repeat of all takes again."""
        return msgspec.structs.replace(self, id=f"{self.id}:{number}")

    def telling(self, answer: Any) -> Operation:
        """The same, with the answer that a repeat is told; nothing where nobody can ask for it."""
        if not self.is_repeatable:
            return self
        told = msgspec.json.encode(_Told(self.request, answer)).decode()
        return msgspec.structs.replace(self, told=told)

    def answer(self, told: str, kind: type[T]) -> T:
        """What the operation, or the one it repeats, answers.

        Args:
            told: What the script answered.
            kind: The type of the answer.

        Raises:
            OperationReused: The id stands for another request.
        """
        first = msgspec.json.decode(told, type=_Told)
        if first.request != self.request:
            raise OperationReused(
                f"the operation id {self.id[:60]!a} was used for another request",
                remedy="give each request an id of its own, and only its repeats the same",
            )
        return msgspec.convert(first.answer, kind)


class _Told(msgspec.Struct, array_like=True):
    request: str
    answer: Any
