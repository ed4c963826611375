"""Ids that nothing else has. Not for secrets: who sees some of them may foresee others."""

from __future__ import annotations

import os
import random

# The system's own generator takes a system call a number, up to 30 µs where the machine is virtual.
_numbers = random.Random(os.urandom(32))  # noqa: S311 - not for secrets
os.register_at_fork(after_in_child=lambda: _numbers.seed(os.urandom(32)))


def new_id() -> str:
    """A new id: 128 random bits in hexadecimal.

    >>> len(new_id()), new_id() != new_id()
    (32, True)
    """
    return f"{_numbers.getrandbits(128):032x}"
