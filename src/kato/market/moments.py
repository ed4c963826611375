"""Moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kato.errors import InvalidInput, shown

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?"
)
_AGO = re.compile(r"(\d{1,6})(m|h|d)")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
LATEST = 1 << 62
"""Of ns since 1970: 2116."""


def moment(text: str, now: int) -> int:
    """A moment, ns since 1970.

    Args:
        text: Digits are ns since 1970; ``2026-11-21`` or ``2026-11-21T10:30:00.5Z`` a date with a
            time or without, of UTC unless it says otherwise; ``90m``, ``6h`` or ``2d`` so long ago.
        now: The time, ns since 1970.

    Raises:
        InvalidInput: It is none of these, or before 1970.

    >>> moment("2026-11-21T10:30:00.000000007Z", 0), moment("2m", 200 * 10**9)
    (1795257000000000007, 80000000000)
    """
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < LATEST:
        return int(text)
    if ago := _AGO.fullmatch(text):
        return max(now - int(ago[1]) * _SECONDS[ago[2]] * 10**9, 0)
    if (iso := _ISO.fullmatch(text)) and (found := _seconds(iso)) is not None and found >= 0:
        return found * 10**9 + int((iso[3] or "0").ljust(9, "0"))
    raise InvalidInput(
        f"no moment: {shown(text)}",
        remedy="write ns since 1970, or as 2026-11-21, 2026-11-21T10:30:00Z, 90m, 6h, 2d",
    )


def written(time: int | None) -> str:
    """A moment as people read it: UTC, to the ns; nothing for None.

    >>> written(1795257000000000007)
    '2026-11-21T10:30:00.000000007Z'
    """
    if time is None:
        return ""
    seconds, rest = divmod(time, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def _seconds(iso: re.Match[str]) -> int | None:
    zone = (iso[4] or "Z").replace("Z", "+00:00")
    try:
        whole = datetime.fromisoformat(f"{iso[1]}T{iso[2] or '00:00'}{zone}")
    except ValueError:
        return None
    return int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
