"""``kato predict``: what comes next after what was observed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.text import Text

from kato.cli import options
from kato.cli.display.console import answers, print_json
from kato.cli.display.prediction import (
    arithmetic_panel,
    futures_table,
    observed_line,
    prediction_panel,
)
from kato.errors import InvalidConfig, InvalidEvent
from kato.model.config import SessionConfig
from kato.model.event import checked_events

if TYPE_CHECKING:
    from kato.model.event import Event
    from kato.model.prediction import Predictions

_RANKING = "Recall and ranking"


def predict(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SYMBOL",
            help="What was observed: each is an event of one symbol.",
            show_default=False,
        ),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="What was observed, with events of several symbols: "
            """[bold]'[["a"], ["b", "c"]]'[/].""",
            show_default=False,
        ),
    ] = None,
    kb: options.KnowledgeBaseName = "default",
    show: Annotated[int, typer.Option(min=0, help="How many predictions to print.")] = 3,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the arithmetic of each prediction too.")
    ] = False,
    recall_threshold: Annotated[
        float | None,
        typer.Option(
            help="Least similarity of a recalled pattern, 0 to 1 [dim](default: 0.1)[/].",
            rich_help_panel=_RANKING,
            show_default=False,
        ),
    ] = None,
    max_predictions: Annotated[
        int | None,
        typer.Option(
            help="Most predictions to compute [dim](default: 100)[/].",
            rich_help_panel=_RANKING,
            show_default=False,
        ),
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option(
            help="The number to rank by, as similarity or frequency [dim](default: potential)[/].",
            rich_help_panel=_RANKING,
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any key of the session configuration, its value in JSON or plain; repeatable.",
            rich_help_panel=_RANKING,
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Predict what comes after the symbols, and show why.

    Each prediction is a pattern that was learned: what of it was [bold]past[/], the
    [bold]present[/] that matches, the [bold]future[/], what is [bold]missing[/] in between, and
    which observed symbols are [bold]extras[/].

      kato predict the quick brown
      kato predict --events '[["red", "round"], ["sweet"]]' --explain
      kato predict a b --set fuzzy_token_threshold=0.8 --rank similarity
    """
    observed = _observed(symbols or [], events)
    given: dict[str, Any] = {
        "recall_threshold": recall_threshold,
        "max_predictions": max_predictions,
        "rank_sort_algo": rank,
    }
    config = {key: value for key, value in given.items() if value is not None}
    config |= dict(_setting(text) for text in settings or [])
    with options.opened(context) as memory:
        predictions = options.existing(memory, kb).predict(observed, **config)
    if json:
        print_json(predictions)
    else:
        _print(predictions, observed, show=show, explain=explain)


def _observed(symbols: list[str], events: str | None) -> list[Event]:
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


def _print(predictions: Predictions, observed: list[Event], *, show: int, explain: bool) -> None:
    console = answers()
    console.print(observed_line(observed))
    if not len(predictions):
        console.print(Text("nothing like it is known; a lower --recall-threshold recalls more"))
        return
    if predictions.future_potentials:
        console.print(futures_table(predictions))
    for rank, prediction in enumerate(predictions.predictions[:show], start=1):
        console.print(prediction_panel(prediction, rank))
        if explain:
            console.print(arithmetic_panel(prediction, observed))
    rest = len(predictions) - show
    if rest > 0:
        console.print(Text(f"{rest:,} more: --show {len(predictions)}", style="dim"))
