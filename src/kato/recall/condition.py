"""What ClickHouse must find true of a pattern, as SQL with parameters."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_PLACEHOLDER = re.compile(r"\{(\w+)\s*:")


class Condition(msgspec.Struct, frozen=True):
    """What a pattern must meet to be looked at.

    Attributes:
        sql: Over ``id``, ``symbols`` and ``event_ends``, with parameters. ``{kb:UInt32}`` is the
            knowledge base's number and needs no value.
        parameters: Their values.
        is_exact: Whether it decides by itself. If not, it is only what a pattern cannot do without,
            and what meets it is looked at again in the process.
    """

    sql: str
    parameters: Mapping[str, Any] = {}
    is_exact: bool = False

    def renamed(self, prefix: str) -> Condition:
        """The same, its parameters under names of its own, so that it can stand beside others.

        >>> Condition("length(symbols) = {most:UInt64}", {"most": 3}).renamed("s0_")
        Condition(sql='length(symbols) = {s0_most:UInt64}', parameters={'s0_most': 3}, \
is_exact=False)
        """

        def own(found: re.Match[str]) -> str:
            name = found[1]
            return f"{{{prefix}{name}:" if name in self.parameters else found[0]

        parameters = {prefix + name: value for name, value in self.parameters.items()}
        return Condition(_PLACEHOLDER.sub(own, self.sql), parameters, self.is_exact)


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Every one of the conditions, whose parameters have different names.

    >>> all_of([Condition("a"), Condition("b OR c")]).sql
    '(a) AND (b OR c)'
    >>> all_of([]).sql
    'true'
    """
    listed = list(conditions)
    parameters = {name: value for each in listed for name, value in each.parameters.items()}
    sql = " AND ".join(f"({each.sql})" for each in listed) or "true"
    return Condition(sql, parameters, all(each.is_exact for each in listed))


def float_bits(value: float) -> int:
    """A float as the parameter of ``reinterpretAsFloat64({name:UInt64})``.

    ClickHouse reads the digits of a number faster than exactly, and a threshold must be exact.

    >>> hex(float_bits(1.0))
    '0x3ff0000000000000'
    """
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits
