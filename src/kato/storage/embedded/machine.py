"""The machine that embedded stores run on."""

from __future__ import annotations

import os
from pathlib import Path

_CONTAINER = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much a container may take; ``max`` is all there is."""


def memory_bytes() -> int:
    """Bytes of memory there are for this process and its children.

    >>> memory_bytes() > 1 << 20
    True
    """
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = _CONTAINER.read_text().strip()
    except OSError:  # no Linux, or no container
        return installed
    return min(installed, int(allowed)) if allowed.isdecimal() else installed
