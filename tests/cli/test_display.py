from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.cli.fake import FakeKnowledgeBase

from kato.cli.display.arithmetic import Arithmetic
from kato.cli.display.prediction import arithmetic_panel, prediction_panel
from kato.cli.display.progress import counted, progress_bar
from kato.cli.display.text import events_text, safe, safe_json, symbol_text
from kato.model.example import Example
from kato.model.printable import is_printable

STEPS = {
    "similarity",
    "evidence",
    "confidence",
    "snr",
    "fragmentation",
    "pattern_probability",
    "itfdf_similarity",
    "potential",
}
EVENTS = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2), min_size=1, max_size=5)


@given(st.lists(EVENTS, min_size=1, max_size=5), EVENTS)
def test_the_arithmetic_holds(sequences: list[list[list[str]]], observed: list[list[str]]) -> None:
    base = FakeKnowledgeBase()
    base.learn_many(map(Example, sequences))
    for rank, prediction in enumerate(base.predict(observed, recall_threshold=0.0), start=1):
        steps = Arithmetic(prediction, observed).steps()
        assert {step.name for step in steps} == STEPS
        assert prediction_panel(prediction, rank)
        assert arithmetic_panel(prediction, observed)


def test_what_does_not_hold_is_left_out() -> None:
    base = FakeKnowledgeBase()
    base.learn_many([Example([["hello"], ["world"]])])
    (prediction,) = base.predict([["hello"], ["word"]], use_token_matching=False)
    steps = Arithmetic(prediction, [["hello"], ["word"]]).steps()
    assert {step.name for step in steps} == STEPS - {"similarity"}


@given(st.text())
def test_texts_are_printable(text: str) -> None:
    assert all(map(is_printable, safe(text)))
    assert all(map(is_printable, symbol_text(text)))


@given(st.lists(st.text(max_size=5), unique=True))
def test_different_symbols_look_different(symbols: list[str]) -> None:
    assert len(set(map(symbol_text, symbols))) == len(symbols)


@pytest.mark.parametrize(
    ("events", "shown"),
    [([], "–"), ([[]], "{}"), ([["a"], ["b", "c d"]], "a {b 'c d'}"), ([["–"]], "–")],
)
def test_events(events: list[list[str]], shown: str) -> None:
    assert events_text(events) == shown


def test_json_is_safe_to_print() -> None:
    assert safe_json('["\x9b2J\x7f"]'.encode()) == '["\\u009b2J\\u007f"]'


def test_a_progress_bar_where_somebody_looks() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(console, "things") as progress:
        assert list(counted(progress, "abc", 3, "counting")) == ["a", "b", "c"]
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "counting" in shown
    assert "3 things" in shown


def test_no_progress_bar_where_nobody_looks() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    with progress_bar(console, "things") as progress:
        list(counted(progress, "abc", None, "counting"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().strip() == ""
