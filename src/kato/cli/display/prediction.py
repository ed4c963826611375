"""A prediction as a person reads it: what was, is and comes, what is odd, how sure it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kato.cli.display.arithmetic import Arithmetic
from kato.cli.display.text import NOTHING, event_text, events_text, symbol_text
from kato.model.prediction import Prediction, Predictions

_MATCHED = "bold green"
_MISSING = "yellow"
_EXTRA = "red"
_FUTURE = "bold cyan"
_DIM = "dim"
_NUMBERS = (
    ("similarity", "evidence", "confidence", "snr"),
    ("itfdf_similarity", "predictive_information", "bayesian_posterior"),
)
_MAX_FUTURE_ROWS = 5


def prediction_panel(prediction: Prediction, rank: int) -> Panel:
    """One prediction: its events against what was observed, and the main numbers."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style=_DIM, no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("past", Text(events_text(prediction.past)))
    rows.add_row("present", _present(prediction))
    rows.add_row("future", Text(events_text(prediction.future), style=_FUTURE))
    rows.add_row("missing", _symbols(prediction.missing, _MISSING))
    rows.add_row("extras", _symbols(prediction.extras, _EXTRA))
    if prediction.anomalies:
        rows.add_row("anomalies", _anomalies(prediction))
    for number, line in enumerate(_number_lines(prediction)):
        rows.add_row("numbers" if number == 0 else "", line)
    return Panel(
        rows,
        box=box.ROUNDED,
        title=f"{rank}. potential {prediction.potential:.4f}",
        title_align="left",
        subtitle=f"pattern {prediction.name}",
        subtitle_align="right",
        border_style=_DIM,
    )


def arithmetic_panel(prediction: Prediction, observed: Sequence[Sequence[str]]) -> Panel:
    """How the numbers of a prediction come about, with the numbers put in."""
    arithmetic = Arithmetic(prediction, observed)
    legend = Table.grid(padding=(0, 1))
    for letter, number, meaning in arithmetic.legend():
        legend.add_row(Text(letter, style="bold"), "=", Text(number), Text(meaning, style=_DIM))
    steps = Table.grid(padding=(0, 1))
    for step in arithmetic.steps():
        steps.add_row(Text(step.name), "=", Text(step.formula, style=_DIM))
        value = Text(f"{step.value:.4f}", style="bold")
        steps.add_row("", "=", Text.assemble(step.numbers, " = ", value))
    return Panel(
        Group(legend, Text(), steps),
        box=box.ROUNDED,
        title="the arithmetic",
        title_align="left",
        border_style=_DIM,
    )


def futures_table(predictions: Predictions) -> RenderableType:
    """The futures that most of the recalled patterns agree on."""
    table = Table(box=box.SIMPLE_HEAD, title="what comes next", title_justify="left")
    table.add_column("future", overflow="fold")
    table.add_column("share", justify="right")
    table.add_column("patterns", justify="right")
    for future in predictions.future_potentials[:_MAX_FUTURE_ROWS]:
        table.add_row(
            Text(events_text(future.future), style=_FUTURE),
            f"{future.aggregate_potential:.1%}",
            f"{future.supporting_patterns:,}",
        )
    return table


def observed_line(events: Sequence[Sequence[str]]) -> Text:
    """What was observed."""
    return Text.assemble(("observed  ", _DIM), (events_text(events), "bold"))


def _present(prediction: Prediction) -> Text:
    shown = Text()
    for event, missing in zip(prediction.present, prediction.missing, strict=True):
        shown.append(" " if shown else "")
        shown.append_text(_present_event(event, missing))
    return shown if prediction.present else Text(NOTHING)


def _present_event(event: Sequence[str], missing: Sequence[str]) -> Text:
    if len(event) == 1:
        return Text(event_text(event), style=_MISSING if missing else _MATCHED)
    left = Counter(missing)
    shown = Text("{")
    for place, symbol in enumerate(event):
        style = _MISSING if left[symbol] else _MATCHED
        shown.append(" " if place else "").append(symbol_text(symbol), style=style)
    return shown.append("}")


def _symbols(events: Sequence[Sequence[str]], style: str) -> Text:
    symbols = [symbol_text(symbol) for event in events for symbol in event]
    return Text(" ".join(symbols) or NOTHING, style=style if symbols else "")


def _anomalies(prediction: Prediction) -> Text:
    return Text(
        ", ".join(
            f"{symbol_text(anomaly.observed)} taken for {symbol_text(anomaly.expected)}"
            f" ({anomaly.similarity:.2f})"
            for anomaly in prediction.anomalies
        )
    )


def _number_lines(prediction: Prediction) -> list[Text]:
    lines = [
        Text("  ").join(_number(name, getattr(prediction, name)) for name in names)
        for names in _NUMBERS
    ]
    lines[0].append_text(Text.assemble(("  learned ", _DIM), f"{prediction.frequency:,}×"))
    return lines


def _number(name: str, value: float) -> Text:
    return Text.assemble((f"{name} ", _DIM), f"{value:.3f}")
