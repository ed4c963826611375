"""Between calls and httpx: what both shells have in common."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

import httpx

from kato.client.address import Address, headers_of
from kato.client.call import Call, Steps
from kato.client.failures import Answer, Lost

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 5.0


class Link(Protocol):
    """Runs steps and answers what they answer."""

    def run(self, steps: Steps[T]) -> T:
        """Run them to their end."""


class AsyncLink(Protocol):
    """Runs steps beside others."""

    async def run(self, steps: Steps[T]) -> T:
        """Run them to their end."""


def timeouts(seconds: float) -> httpx.Timeout:
    """How long to wait: for a connection less, as nobody computes anything then."""
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


def request_of(
    client: httpx.Client | httpx.AsyncClient, at: Address, call: Call[Any]
) -> httpx.Request:
    """The request that a call is."""
    return client.build_request(
        call.method, at.url_of(call), content=call.content, headers=headers_of(call)
    )


def answer_of(response: httpx.Response) -> Answer:
    """What came back."""
    return Answer(response.status_code, response.content, response.headers)


def loss_of(error: httpx.TransportError | httpx.DecodingError) -> Lost:
    """Why nothing came back."""
    timed_out = isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout))
    return Lost(str(error) or type(error).__name__, timed_out)


def sent(build: Callable[Concatenate[C, P], Steps[T]]) -> Callable[Concatenate[Any, P], T]:
    """A method that builds steps, as a method that runs them: same parameters, same document.

    The object it becomes a method of has ``_calls``, what builds, and ``_link``, what runs.
    """

    @wraps(build)
    def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        link: Link = self._link
        return link.run(build(self._calls, *args, **kwargs))

    return _answering(run, build, "{}")


def sent_async(
    build: Callable[Concatenate[C, P], Steps[T]],
) -> Callable[Concatenate[Any, P], Awaitable[T]]:
    """:func:`sent`, of a method that is awaited."""

    @wraps(build)
    def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        link: AsyncLink = self._link
        return link.run(build(self._calls, *args, **kwargs))

    return _answering(run, build, "Awaitable[{}]")


class Told(Generic[T]):
    """A method without parameters, read as an attribute."""

    def __init__(self, method: Callable[[Any], T]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | Self:
        return self if instance is None else self._method(instance)

    def __set__(self, instance: object, value: object) -> None:
        raise AttributeError("the service says this; it cannot be set")


F = TypeVar("F", bound=Callable[..., Any])


def _answering(method: F, build: Callable[..., Any], form: str) -> F:
    """The method, with a signature that says what it answers and not what its steps are."""
    signature = inspect.signature(build)
    answered = str(signature.return_annotation).removeprefix("Steps[").removesuffix("]")
    described: Any = method
    described.__signature__ = signature.replace(return_annotation=form.format(answered))
    return method
