"""Every error KATO raises, in one tree.

Catch :class:`KatoError` to catch them all. Each error names the value that was wrong and says
what to do about it::

    KatoError
    ├── InvalidInput            the caller gave something that cannot be used
    │   ├── InvalidSymbol       a symbol that is no string, or holds a lone surrogate
    │   ├── InvalidEvent        an event or a sequence of the wrong shape
    │   ├── InvalidEmotives     emotives that are not finite numbers by name
    │   ├── InvalidMetadata     metadata that is no mapping by string
    │   ├── InvalidVector       a vector that is not a list of finite numbers
    │   ├── InvalidConfig       a configuration key or value out of its range
    │   ├── UnreadableInput     a file or line that cannot be read as sequences
    │   ├── InvalidSearch       a page or an edit of patterns that there is none of
    │   ├── OperationReused     an operation id that stands for another request
    │   └── NothingToLearn      a session without an event
    ├── NotFound                what was asked for is not there
    │   ├── PatternNotFound
    │   ├── KnowledgeBaseNotFound
    │   ├── NothingToUndo       nothing was taken away, or too long ago
    │   └── SessionNotFound
    ├── Conflict                the state moved on under the caller
    ├── NotDisposable           a knowledge base that is not marked may not be dropped this way
    ├── AccessDenied            the service wants a key, or the key has not the right
    ├── TooManyRequests         the service was asked more often than it allows
    ├── ServiceUnavailable      no service answers at an address
    ├── FilterFailed            a filter of another package does not do its part
    └── StoreError              a store cannot do its part
        ├── StoreInUse          the data directory belongs to another process
        ├── StoreUnavailable    the store does not answer, or died in the middle of a call
        ├── StoreFull           no space, or a limit on memory is reached
        │   └── JournalFull     ClickHouse does not take what was learned; it may do so soon
        ├── StoreRebuilding     the ledger is being rebuilt from ClickHouse
        ├── StoreUnreadable     damaged, foreign, or ledger and patterns do not belong together
        └── StoreTooNew         written by a newer release than this one
"""

from __future__ import annotations

SHOWN_LENGTH = 80


def shown(value: object) -> str:
    r"""A value as messages show it: in ASCII, and cut off where it is long.

    >>> shown("é"), shown(10**5000)
    ("'\\xe9'", '<int, too long to print>')
    """
    try:
        text = ascii(value)
    except ValueError:  # Python prints no integers of more than 4,300 digits
        return f"<{type(value).__name__}, too long to print>"
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 3] + "..."


class KatoError(Exception):
    """Base of all errors of KATO.

    Attributes:
        message: What failed, with which value.
        remedy: What the caller can do about it.

    >>> error = KatoError("the cup is empty", remedy="fill it")
    >>> str(error)
    'the cup is empty; fill it'
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}; {remedy}" if remedy else message)


class InvalidInput(KatoError, ValueError):
    """The caller gave something that cannot be used; nothing was changed."""


class InvalidSymbol(InvalidInput):
    """A symbol is no string, or holds a lone surrogate."""


class InvalidEvent(InvalidInput):
    """An event is no list of symbols, or a sequence no list of events."""


class InvalidEmotives(InvalidInput):
    """Emotives are not a mapping from names to finite numbers."""


class InvalidMetadata(InvalidInput):
    """Metadata is not a mapping from strings."""


class InvalidVector(InvalidInput):
    """A vector is not a flat list of finite numbers."""


class InvalidConfig(InvalidInput):
    """One or more configuration values are unknown, of a wrong type or out of range.

    Attributes:
        problems: The reason by configuration key.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        listed = ", ".join(f"{key}: {reason}" for key, reason in problems.items())
        super().__init__(
            f"invalid configuration ({listed})",
            remedy="see kato.SessionConfig for each key's type, range and default",
        )


class UnreadableInput(InvalidInput):
    """A file or a line of it cannot be read as sequences."""


class InvalidSearch(InvalidInput):
    """A limit, a cursor or an edit of patterns that cannot be used."""


class OperationReused(InvalidInput):
    """An operation id, such as an ``Idempotency-Key``, stands for another request already."""


class NothingToLearn(InvalidInput):
    """Short-term memory holds no event."""


class NotFound(KatoError, LookupError):
    """What was asked for is not there."""


class PatternNotFound(NotFound):
    """No pattern of that name is in the knowledge base."""


class KnowledgeBaseNotFound(NotFound):
    """Nothing was ever learned into a knowledge base of that name, or it was forgotten."""


class NothingToUndo(NotFound):
    """Nothing was cleared or forgotten in the knowledge base, or too long ago."""


class SessionNotFound(NotFound):
    """The session never existed, was deleted, or expired."""


class Conflict(KatoError):
    """The state moved on under the caller and retries were used up."""


class NotDisposable(KatoError):
    """The knowledge base is not marked disposable, and may not be dropped this way."""


class AccessDenied(KatoError):
    """The service wants an API key, does not know the one given, or it has not the right."""


class TooManyRequests(KatoError):
    """The service was asked more often than it allows, and waiting did not help."""


class ServiceUnavailable(KatoError):
    """No service answers at an address, or it was lost in the middle of a call."""


class FilterFailed(KatoError):
    """A filter of another package is missing, cannot be loaded, or answers what it must not."""


class StoreError(KatoError):
    """A store cannot do its part."""


class StoreInUse(StoreError):
    """The data directory belongs to another process (or is already open in this one)."""


class StoreUnavailable(StoreError):
    """A store does not answer, or died in the middle of a call."""


class StoreFull(StoreError):
    """No space is left, or a configured limit is reached."""


class JournalFull(StoreFull):
    """The journal holds as much as it may, as ClickHouse does not take what was learned."""


class StoreRebuilding(StoreError):
    """The ledger is being rebuilt: changes are refused, and what is not there yet is not told."""


class StoreUnreadable(StoreError):
    """The stored data is damaged, foreign, or its two halves do not belong together."""


class StoreTooNew(StoreError):
    """The data was written by a newer release."""
