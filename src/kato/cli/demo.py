"""``kato demo``: learn what every machine has, predict what was held back, explain one answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.text import Text

import kato
from kato.cli import options
from kato.cli.display.accuracy import accuracy_table, answers_table
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.prediction import arithmetic_panel, observed_line, prediction_panel
from kato.cli.display.progress import counted, progress_bar
from kato.cli.display.text import events_text
from kato.cli.evaluation import Accuracy, Answer, Split, accuracy
from kato.cli.evaluation import answers as ask
from kato.cli.python_lines import python_files, python_lines
from kato.model.example import Example
from kato.model.prediction import Prediction

if TYPE_CHECKING:
    from kato.cli.options import AnyKnowledgeBase, AnyMemory

NAME = "demo"
_SAMPLES = 8
_LOOKED_AT = 5
_FAR = 0.9995


def demo(
    context: typer.Context,
    questions: Annotated[
        int, typer.Option(min=1, help="How many held-out lines to ask about.")
    ] = 300,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Learn into the knowledge base [bold]demo[/] and keep it, to try"
            " [bold]kato predict --kb demo if not[/]. Cleared first. Otherwise all is thrown away.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Learn Python's own standard library, predict it, and explain a prediction.

    Each logical line of code is a sequence, each token a symbol. Nine of ten lines are learned;
    every tenth is held out to be asked about.
    """
    began = time.perf_counter()
    out = Console(quiet=True) if json else answers()
    with _memory(context, keep=keep) as memory, progress_bar(notes(), "lines") as progress:
        files = python_files()
        examples = python_lines(counted(progress, files, len(files), "reading files"))
        out.print(_introduction(len(files), examples))
        knowledge_base = memory.knowledge_base(NAME)
        knowledge_base.clear()
        split = Split()
        learning = counted(progress, examples, len(examples), "learning")
        seconds = _learn(knowledge_base, split, learning)
        out.print(_learned(memory, knowledge_base, split, seconds))
        asked = counted(progress, split.questions(questions), None, "asking")
        kept: list[Answer] = []
        found = accuracy(_kept(ask(knowledge_base, split.baselines, asked), kept))
    if json:
        print_json(found)
        return
    _print_answers(out, found, kept)
    _print_explained(out, kept)
    _print_end(out, time.perf_counter() - began, keep=keep)


@contextmanager
def _memory(context: typer.Context, *, keep: bool) -> Iterator[AnyMemory]:
    if keep:
        with options.opened(context) as memory:
            yield memory
        return
    with TemporaryDirectory(prefix="kato-") as folder, kato.open(folder) as memory:
        yield memory


def _learn(knowledge_base: AnyKnowledgeBase, split: Split, examples: Iterator[Example]) -> float:
    began = time.perf_counter()
    knowledge_base.learn_many(split.learned(examples))
    return time.perf_counter() - began


def _kept(answered: Iterator[Answer], kept: list[Answer]) -> Iterator[Answer]:
    for answer in answered:
        kept.append(answer)
        yield answer


def _introduction(files: int, examples: list[Example]) -> Text:
    telling = (example for example in examples if len(set(map(tuple, example.events))) > 9)
    shown = next(telling, examples[0])
    return Text.assemble(
        f"\nThe standard library of this Python: {files:,} files, {len(examples):,} logical lines."
        "\nA line is a sequence, a token a symbol. One of them:\n\n  ",
        (events_text(shown.events), "bold"),
        "\n\nNine of ten lines are learned. Every tenth is held out, to be asked about.\n",
    )


def _learned(
    memory: AnyMemory, knowledge_base: AnyKnowledgeBase, split: Split, seconds: float
) -> Text:
    learned = split.sequences - split.held_out
    stores = memory.stats()
    return Text.assemble(
        ("learned  ", "dim"),
        f"{learned:,} lines as {knowledge_base.stats().patterns:,} distinct patterns"
        f" in {seconds:.1f} s ({learned / seconds:,.0f}/s, durable); "
        f"ledger {decimal(stores.ledger_bytes)}\n",
    )


def _print_answers(out: Console, found: Accuracy, answered: list[Answer]) -> None:
    out.print(
        Text.assemble(
            ("asked    ", "dim"),
            f"{found.questions:,} held-out lines: given up to five tokens, what is the next?"
            f" {found.milliseconds:.0f} ms each\n",
        )
    )
    out.print(Padding(accuracy_table(found), (0, 2)))
    step = max(len(answered) // _SAMPLES, 1)
    out.print(answers_table(answered[::step][:_SAMPLES]))


def _print_explained(out: Console, answered: list[Answer]) -> None:
    answer, rank, prediction = most_telling(answered)
    out.print(Text("One answer in full: a pattern it recalled, and why\n", style="bold"))
    out.print(observed_line(answer.observed))
    out.print(prediction_panel(prediction, rank))
    out.print(arithmetic_panel(prediction, answer.observed))


def most_telling(answered: list[Answer]) -> tuple[Answer, int, Prediction]:
    """The recalled pattern that shows most: a past, a future, something missing, an extra.

    Returns:
        The answer it belongs to, its rank from 1, and the prediction.
    """
    shown = (
        (answer, rank, prediction)
        for answer in answered
        for rank, prediction in enumerate(answer.predictions.predictions[:_LOOKED_AT], start=1)
    )
    return max(shown, key=lambda found: (_tells(found[0], found[2]), -found[1]))


def _tells(answer: Answer, prediction: Prediction) -> int:
    foretold = answer.right and any(answer.symbol in event for event in prediction.future[:1])
    shown = (
        prediction.past,
        prediction.future,
        any(prediction.missing),
        any(prediction.extras),
        foretold,
        prediction.frequency > 1,
        prediction.itfdf_similarity < _FAR,
    )
    return sum(map(bool, shown))


def _print_end(out: Console, seconds: float, *, keep: bool) -> None:
    kept = f"Kept in the knowledge base {NAME}. Try: kato predict --kb {NAME} if not isinstance\n"
    out.print(
        Text.assemble(
            ("done     ", "dim"),
            f"in {seconds:.0f} s, from the start of the stores to here.\n",
            kept if keep else "All of it is thrown away again; --keep keeps it.\n",
            "Yours: ",
            ("kato learn FILE", "bold"),
            ", then ",
            ("kato predict SYMBOL…", "bold"),
            ". How well would it do? ",
            ("kato evaluate FILE", "bold"),
        )
    )
