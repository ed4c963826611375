"""Times as exchanges write them, in ns since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from kato.market.feeds.protocol import GREATEST_TIME

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)", re.ASCII
)
_DECIMAL = re.compile(r"(\d{1,19})(?:\.(\d{1,9}))?", re.ASCII)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def from_rfc_3339(text: str) -> int:
    """The time that a text such as ``2023-02-09T20:32:57.609931067Z`` says.

    Raises:
        ValueError: It says none, or one that cannot be kept.

    >>> from_rfc_3339("1970-01-01T00:00:01.000000007Z")
    1000000007
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError(f"no time: {text[:40]!a}")
    seconds, fraction, zone = match.groups("")
    return checked(_second(seconds, zone) * 10**9 + _nanoseconds(fraction))


def from_seconds(text: str) -> int:
    """The time that a decimal number of seconds says.

    Raises:
        ValueError: It is none, or cannot be kept.

    >>> from_seconds("1737118158.321597")
    1737118158321597000
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"no number of seconds: {text[:40]!a}")
    seconds, fraction = match.groups("")
    return checked(int(seconds) * 10**9 + _nanoseconds(fraction))


def checked(time: int) -> int:
    """The time itself, if stores can keep it.

    Raises:
        ValueError: It is before 1970, or behind 2262.
    """
    if not 0 <= time <= GREATEST_TIME:
        raise ValueError(f"a time that cannot be kept: {time}")
    return time


def _nanoseconds(fraction: str) -> int:
    return int(fraction.ljust(9, "0"))


# Trades come in the order of time: a second is asked for again and again.
@lru_cache(maxsize=256)
def _second(text: str, zone: str) -> int:
    zone = "+00:00" if zone in "Zz" else zone
    return (datetime.fromisoformat(text + zone) - _START) // _SECOND
