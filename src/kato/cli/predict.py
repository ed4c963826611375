"""``kato predict``: what comes next after what was observed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kato.cli import options
from kato.cli.asking import RANKING, Events, Settings, Symbols, configuration, observed_events
from kato.cli.display.console import answers, print_json
from kato.cli.display.prediction import (
    arithmetic_panel,
    futures_table,
    observed_line,
    prediction_panel,
)

if TYPE_CHECKING:
    from kato.model.event import Event
    from kato.model.prediction import Predictions


def predict(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbols: Symbols = None,
    events: Events = None,
    kb: options.KnowledgeBaseName = "default",
    show: Annotated[int, typer.Option(min=0, help="How many predictions to print.")] = 3,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the arithmetic of each prediction too.")
    ] = False,
    recall_threshold: Annotated[
        float | None,
        typer.Option(
            help="Least similarity of a recalled pattern, 0 to 1 [dim](default: 0.1)[/].",
            rich_help_panel=RANKING,
            show_default=False,
        ),
    ] = None,
    max_predictions: Annotated[
        int | None,
        typer.Option(
            help="Most predictions to compute [dim](default: 100)[/].",
            rich_help_panel=RANKING,
            show_default=False,
        ),
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option(
            help="The number to rank by, as similarity or frequency [dim](default: potential)[/].",
            rich_help_panel=RANKING,
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
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
    observed = observed_events(symbols or [], events)
    given: dict[str, Any] = {
        "recall_threshold": recall_threshold,
        "max_predictions": max_predictions,
        "rank_sort_algo": rank,
    }
    config = {key: value for key, value in given.items() if value is not None}
    config |= configuration(settings or [])
    with options.opened(context) as memory:
        predictions = options.existing(memory, kb).predict(observed, **config)
    if json:
        print_json(predictions)
    else:
        _print(predictions, observed, show=show, explain=explain)


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
