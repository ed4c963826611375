"""``kato explain``: how an answer is found, and why a pattern is in it or not."""

from __future__ import annotations

from typing import Annotated

import typer

from kato.cli import options
from kato.cli.asking import Events, Settings, Symbols, configuration, observed_events
from kato.cli.display.console import answers, print_json
from kato.cli.display.explanation import plan_text, steps_table, verdict_panel
from kato.cli.display.prediction import observed_line


def explain(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    symbols: Symbols = None,
    events: Events = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Say why the pattern of this name is in the answer or not.",
            show_default=False,
        ),
    ] = None,
    kb: options.KnowledgeBaseName = "default",
    settings: Settings = None,
    json: options.Json = False,
) -> None:
    """Explain how a prediction is found: the plan, and each step of it.

    With [bold]--pattern[/], say why that pattern is in the answer or not, with
    the numbers that decided. The recall is the one that answers [bold]kato predict[/].

      kato explain the quick brown
      kato explain a b --pattern 16a33d298e300af3effedd63173cb093913f3311
      kato explain a b --set filter_pipeline=length,jaccard
    """
    observed = observed_events(symbols or [], events)
    config = configuration(settings or [])
    with options.opened(context) as memory:
        explanation = options.existing(memory, kb).explain(observed, pattern, **config)
    if json:
        print_json(explanation)
        return
    console = answers()
    console.print(observed_line(observed))
    console.print(plan_text(explanation))
    if explanation.steps:
        console.print(steps_table(explanation))
    if explanation.verdict is not None:
        console.print(verdict_panel(explanation.verdict))
