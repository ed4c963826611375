"""Answers that are failures, as errors of KATO's tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kato.client.call import Call
from kato.errors import (
    AccessDenied,
    Conflict,
    InvalidConfig,
    InvalidInput,
    KatoError,
    NotDisposable,
    NothingToLearn,
    ServiceUnavailable,
    SessionNotFound,
    StoreFull,
    StoreUnavailable,
    TooManyRequests,
    shown,
)


class Answer(msgspec.Struct, frozen=True):
    """What the service answered.

    Attributes:
        status: The HTTP status.
        body: As it came.
        headers: Their names in lower case.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Lost(msgspec.Struct, frozen=True):
    """That no answer came.

    Attributes:
        reason: Why.
        timed_out: Whether the service had the request and did not answer in time.
    """

    reason: str
    timed_out: bool = False


KINDS: dict[int, type[KatoError]] = {
    400: InvalidInput,
    401: AccessDenied,
    403: AccessDenied,
    408: ServiceUnavailable,
    409: Conflict,
    413: InvalidInput,
    422: InvalidInput,
    423: NotDisposable,
    429: TooManyRequests,
    502: ServiceUnavailable,
    503: StoreUnavailable,
    504: ServiceUnavailable,
    507: StoreFull,
}
"""The error of each status; 404 is the call's own."""

REMEDIES: dict[type[KatoError], str] = {
    AccessDenied: "give an API key that may do this",
    TooManyRequests: "ask less often",
    SessionNotFound: "open a new session",
}
"""What to do where the service does not say it."""


def error_of(call: Call[Any], answer: Answer) -> KatoError:
    """The error that an answer is."""
    detail = _detail(answer.body)
    if answer.status == 404:
        return _missing(call, detail)
    if answer.status == 400 and isinstance(detail, dict) and "validation_errors" in detail:
        return InvalidConfig({key: str(why) for key, why in detail["validation_errors"].items()})
    if answer.status == 400 and "empty stm" in str(detail).lower():
        return NothingToLearn(str(detail))
    if answer.status == 503 and detail is None:
        kind: type[KatoError] = ServiceUnavailable  # something before the service said it
    else:
        kind = KINDS.get(answer.status, KatoError)
    said = f"{_told(detail)} ({answer.status} to {call.method} {call.path[:100]})"
    return kind(said, remedy=REMEDIES.get(kind, ""))


def lost(call: Call[Any], address: str, loss: Lost) -> ServiceUnavailable:
    """The error that no answer is."""
    if loss.timed_out:
        doubt = "" if call.reads else "; what was to be changed may be changed or not"
        return ServiceUnavailable(
            f"the service at {address} did not answer {call.method} {call.path[:100]} in time",
            remedy=f"give a longer timeout{doubt}",
        )
    return ServiceUnavailable(
        f"no service answers at {address}: {loss.reason}",
        remedy="is it running? kato serve starts one, kato doctor looks for what is wrong",
    )


def unreadable(address: str, answer: Answer, reason: str) -> ServiceUnavailable:
    """The error that an answer of something else is."""
    return ServiceUnavailable(
        f"what answers at {address} is no service of KATO, or of another release: {reason}"
        f" in {shown(answer.body[:60])}",
        remedy="check the address",
    )


def _missing(call: Call[Any], detail: Any) -> KatoError:
    if isinstance(detail, dict) and detail.get("code") == "SESSION_NOT_FOUND":
        return SessionNotFound(_told(detail), remedy=REMEDIES[SessionNotFound])
    said = _told(detail)
    if said == "Not Found":  # the path itself
        said = f"the service has no {call.method} {call.path[:100]}"
        return KatoError(said, remedy="check the address, and the release of the service")
    return call.missing(said, remedy=REMEDIES.get(call.missing, ""))


def _detail(body: bytes) -> Any:
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(stores := told.get("stores"), dict):  # what /ready says
        return _not_ready(stores)
    return told.get("detail", told.get("error"))


def _not_ready(stores: dict[str, Any]) -> str:
    reasons = {store: state["reason"] for store, state in stores.items() if not state["ready"]}
    return "; ".join(f"{store}: {reason}" for store, reason in reasons.items())


def _told(detail: Any) -> str:
    """What a failure says, in one line.

    >>> _told([{"loc": ["body", "observations", 1], "msg": "Input should be a list"}])
    'observations.1: Input should be a list'
    """
    if isinstance(detail, list):
        return "; ".join(map(_problem, detail))
    if isinstance(detail, dict):
        return str(detail.get("message") or detail.get("error") or detail)
    return "the service gave no reason" if detail is None else str(detail)


def _problem(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    place = [str(part) for part in problem.get("loc", [])]
    where = ".".join(place[1:] or place)
    return f"{where}: {problem.get('msg', '')}" if where else str(problem.get("msg", ""))
