"""What ``predict`` and ``explain`` are asked: what was observed, and how to recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from kato.errors import InvalidConfig, InvalidEvent
from kato.model.config import SessionConfig
from kato.model.event import checked_events

if TYPE_CHECKING:
    from kato.model.event import Event

RANKING = "Recall and ranking"

Symbols = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SYMBOL",
        help="What was observed: each is an event of one symbol.",
        show_default=False,
    ),
]
Events = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="What was observed, with events of several symbols: "
        """[bold]'[["a"], ["b", "c"]]'[/].""",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any key of the session configuration, its value in JSON or plain; repeatable.",
        rich_help_panel=RANKING,
        show_default=False,
    ),
]


def observed_events(symbols: list[str], events: str | None) -> list[Event]:
    """What was observed, as one of the two says.

    Raises:
        InvalidEvent: Neither does, or both, or what is said cannot be used.
    """
    if bool(symbols) == (events is not None):
        raise InvalidEvent(
            "nothing was observed" if events is None else "both symbols and --events were given",
            remedy="""give symbols, or --events '[["a"], ["b", "c"]]'""",
        )
    if events is None:
        return checked_events([[symbol] for symbol in symbols])
    try:
        return checked_events(msgspec.json.decode(events.encode(errors="surrogatepass")))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidEvent(
            f"--events cannot be read: {error}", remedy="""write '[["a"], ["b", "c"]]'"""
        ) from None


def configuration(settings: list[str]) -> dict[str, Any]:
    """Keys of the session configuration, as ``KEY=VALUE`` says them.

    Raises:
        InvalidConfig: One has no value.

    >>> configuration(["recall_threshold=.5", "filter_pipeline=length,jaccard"])
    {'recall_threshold': 0.5, 'filter_pipeline': ['length', 'jaccard']}
    """
    return dict(_setting(text) for text in settings)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidConfig({key: "has no value, write KEY=VALUE"})
    default = getattr(SessionConfig(), key, None)
    if isinstance(default, tuple) and not value.startswith("["):
        return key, [name for name in value.split(",") if name]
    return key, _value(value, default)


def _value(text: str, default: object) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    try:
        return float(text) if isinstance(default, float) else text
    except ValueError:
        return text
