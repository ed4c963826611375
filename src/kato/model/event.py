"""Events and symbols: what may be observed, checked once at the border."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from kato.errors import InvalidEvent, InvalidSymbol, shown

Event = list[str]
"""Symbols observed together, in stored order; a symbol may stand in it more than once."""

VECTOR_PREFIX = "VCTR|"


def checked_events(events: Iterable[Sequence[str]], *, sort: bool = True) -> list[Event]:
    """A copy of ``events``, checked, each event in stored order, empty events kept.

    Args:
        events: A sequence of events, each a list or tuple of symbols.
        sort: Whether an event's symbols are put in code point order. Vector symbols come first in
            either case (``spec/algorithms.md`` section 1).

    Raises:
        InvalidEvent: ``events`` or one of them is not a list (a bare string is none).
        InvalidSymbol: A symbol is no string or holds a lone surrogate.

    >>> checked_events([["b", "a"], ["c"]])
    [['a', 'b'], ['c']]
    """
    if isinstance(events, (str, bytes)) or not isinstance(events, Iterable):
        raise InvalidEvent(
            f"events must be a list of lists of symbols, got {shown(events)}",
            remedy='write [["a"], ["b", "c"]]',
        )
    checked = [_checked_event(event) for event in events]
    _check_symbols(checked)
    return [in_stored_order(event, sort=sort) for event in checked]


def in_stored_order(event: Event, *, sort: bool = True) -> Event:
    """The event with vector symbols first, each group sorted by code point if ``sort``.

    >>> in_stored_order(["b", "VCTR|1", "A"])
    ['VCTR|1', 'A', 'b']
    """
    if len(event) < 2:
        return event
    vectors = [symbol for symbol in event if symbol.startswith(VECTOR_PREFIX)]
    if not vectors:
        return sorted(event) if sort else event
    others = [symbol for symbol in event if not symbol.startswith(VECTOR_PREFIX)]
    return sorted(vectors) + sorted(others) if sort else vectors + others


def flattened(events: Iterable[Sequence[str]]) -> list[str]:
    """All symbols of the events, from left to right.

    >>> flattened([["a", "b"], ["c"]])
    ['a', 'b', 'c']
    """
    return list(chain.from_iterable(events))


def _checked_event(event: Sequence[str]) -> Event:
    if not isinstance(event, (list, tuple)):
        raise InvalidEvent(
            f"an event must be a list of symbols, got {shown(event)}",
            remedy='put a single symbol in a list: ["a"]',
        )
    return list(event)


def _check_symbols(events: list[Event]) -> None:
    try:
        text = "".join(chain.from_iterable(events))
    except TypeError:
        wrong = next(s for s in chain.from_iterable(events) if not isinstance(s, str))
        raise InvalidSymbol(
            f"a symbol must be a string, got {shown(wrong)}", remedy="convert it with str()"
        ) from None
    if text.isascii():
        return
    for symbol in chain.from_iterable(events):
        check_text(symbol, "a symbol")


def check_text(text: str, what: str) -> None:
    """Refuse a text that is no string of Unicode scalar values.

    Raises:
        InvalidSymbol: It is no string or holds a lone surrogate.
    """
    if not isinstance(text, str):
        raise InvalidSymbol(f"{what} must be a string, got {shown(text)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidSymbol(
            f"{what} holds a lone surrogate at position {error.start}: {shown(text)}",
            remedy="decode the input as UTF-8, or replace surrogates before observing it",
        ) from None
