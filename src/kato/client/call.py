"""Calls of the service, without I/O: what is sent, what may come of it, and what it means.

A method of the client is a generator of :class:`Call`; it is resumed with their answers, and what
it returns is the method's answer. Who runs it, and how bytes travel, is not known here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from kato.errors import KatoError, NotFound

T = TypeVar("T")


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One request, and how its answer is read.

    Attributes:
        method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
        path: Percent-encoded, see :func:`path_of`.
        read: Makes the answer of its body.
        query: Parameters.
        content: The body, JSON; None without one.
        key: The ``Idempotency-Key`` of a change.
        reads: Whether it changes nothing.
        missing: What a 404 means.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str] = {}
    content: bytes | None = None
    key: str | None = None
    reads: bool = False
    missing: type[KatoError] = NotFound

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.reads or self.key is not None


Steps = Generator[Call[Any], Any, T]
"""Calls, one after the other; what comes of them is the answer."""


def ask(call: Call[T]) -> Steps[T]:
    """The steps of a method that is one call."""
    answer: T = yield call
    return answer


def reading(
    path: str,
    read: Callable[[bytes], T],
    *,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    missing: type[KatoError] = NotFound,
) -> Call[T]:
    """A call that changes nothing; a POST if it has a body."""
    if body is None:
        return Call("GET", path, read, query or {}, reads=True, missing=missing)
    content = msgspec.json.encode(body)
    return Call("POST", path, read, query or {}, content, reads=True, missing=missing)


def changing(  # noqa: PLR0913 - what a request consists of
    method: str,
    path: str,
    read: Callable[[bytes], T],
    *,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    missing: type[KatoError] = NotFound,
) -> Call[T]:
    """A call that changes something, once, however often it is sent."""
    content = None if body is None else msgspec.json.encode(body)
    key = secrets.token_hex(16)
    return Call(method, path, read, query or {}, content, key, missing=missing)


def path_of(*parts: str) -> str:
    """A path whose parts may hold anything.

    >>> path_of("nodes", "a/b ☃", "..")
    '/nodes/a%2Fb%20%E2%98%83/%2E%2E'
    """
    return "".join("/" + _encoded(part) for part in parts)


def _encoded(part: str) -> str:
    # Dots alone would be taken for a way through the path.
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def nothing(_body: bytes) -> None:
    """The answer of a call that answers nothing of interest."""
