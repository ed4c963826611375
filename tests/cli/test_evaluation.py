from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.fake import FakeKnowledgeBase

from kato.cli.evaluation import (
    Answer,
    Baselines,
    Question,
    Split,
    accuracy,
    answers,
)
from kato.model.example import Example
from kato.model.prediction import Predictions
from kato.model.voting import most_voted, votes


def examples(*texts: str) -> list[Example]:
    return [Example([[symbol] for symbol in text]) for text in texts]


def texts(examples: Sequence[Example]) -> list[str]:
    return ["".join(symbol for (symbol,) in example.events) for example in examples]


def test_every_tenth_is_held_out() -> None:
    split = Split()
    learned = texts(list(split.learned(examples(*(f"{i:03}" for i in range(35))))))
    held_out = {"009", "019", "029"}
    assert learned == [f"{i:03}" for i in range(35) if f"{i:03}" not in held_out]
    assert (split.sequences, split.held_out) == (35, 3)
    assert len(split.questions(100)) == 3


def test_what_could_be_no_pattern_does_not_count() -> None:
    split = Split()
    assert texts(list(split.learned(examples(*("x" * 12), *(["ab"] * 9), "ac", "ad")))) == (
        ["ab"] * 9 + ["ad"]
    )
    assert split.sequences == 11


def test_positions_go_round_and_five_events_are_observed() -> None:
    split = Split()
    list(split.learned(examples(*["abcdefgh"] * 80)))
    asked = split.questions(100)
    assert ["".join(s for (s,) in question.observed) for question in asked] == [
        "a", "ab", "abc", "abcd", "abcde", "bcdef", "cdefg", "a",
    ]  # fmt: skip
    assert [question.came for question in asked] == [[s] for s in "bcdefghb"]


@given(st.integers(0, 60), st.integers(1, 20))
def test_questions_are_evenly_spaced(held_out: int, limit: int) -> None:
    split = Split()
    list(split.learned(examples(*(["ab"] * 10 * held_out))))
    asked = split.questions(limit)
    assert len(asked) == min(held_out, limit)


def test_an_utterance_of_one_event_asks_nothing() -> None:
    split = Split()
    list(split.learned([Example([["a", "b"]])] * 10))
    assert split.held_out == 1
    assert split.questions(5) == []


def test_baselines() -> None:
    baselines = Baselines()
    assert baselines.most_frequent() is None
    assert baselines.after([["a"]]) is None
    baselines.learn([["a"], ["b", "c"], ["c"]])
    baselines.learn([["c"], ["d"], ["d"], ["d"]])
    assert baselines.most_frequent() == "c"
    assert baselines.after([["x"], ["a"]]) == "b"
    assert baselines.after([["b", "c"]]) == "c"


def test_ties_go_to_the_first_symbol() -> None:
    assert most_voted({"b": 1.0, "a": 1.0, "c": 0.5}) == "a"
    assert most_voted({}) is None


@pytest.fixture
def knowledge_base() -> FakeKnowledgeBase:
    base = FakeKnowledgeBase()
    base.learn_many(examples("abcx", "abcx", "zbcy", "zbcy", "zbcy", "bq"))
    return base


def test_a_match_more_outweighs_frequency(knowledge_base: FakeKnowledgeBase) -> None:
    observed = [["a"], ["b"], ["c"]]
    counted = votes(knowledge_base.predict(observed), observed)
    assert counted["x"] == pytest.approx(2 * (2 * 3 / 7) * 4**3)
    assert counted["y"] == pytest.approx(3 * (2 * 2 / 7) * 4**2)
    assert "q" not in counted


def test_the_oldest_event_is_left_out_until_somebody_votes(
    knowledge_base: FakeKnowledgeBase,
) -> None:
    def ask(*observed: str) -> Answer:
        question = Question([[symbol] for symbol in observed], ["y"])
        # The fake has the methods that are called.
        (answer,) = answers(knowledge_base, Baselines(), [question])  # type: ignore[arg-type]
        return answer

    assert ask("z", "b", "c").observed == [["z"], ["b"], ["c"]]
    assert ask("z", "b", "c").symbol == "y"
    assert ask("a", "b", "never").symbol is None
    assert ask("a", "b", "never").observed == [["b"], ["never"]]
    assert ask("never").observed == [["never"]]


def test_accuracy() -> None:
    def answer(symbol: str | None, after_last: str | None, most_frequent: str) -> Answer:
        question = Question([["a"]], ["b", "c"])
        return Answer(question, symbol, after_last, most_frequent, [["a"]], Predictions([], []))

    found = accuracy([answer("b", "x", "c"), answer(None, None, "c"), answer("x", "c", "c")])
    assert found.questions == 3
    assert found.answered == pytest.approx(2 / 3)
    assert found.kato == pytest.approx(1 / 3)
    assert found.after_last == pytest.approx(1 / 3)
    assert found.most_frequent == 1
    assert found.milliseconds >= 0


def test_accuracy_of_nothing() -> None:
    assert accuracy([]).questions == 0
