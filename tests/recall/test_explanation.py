"""An explanation tells of the recall that answers: each reason made true in turn, by each plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kato
from kato.memory.engines import Engines
from kato.model.explanation import Explanation, Step, Verdict
from kato.recall import sample, sql_plan
from kato.recall.planner import Plan
from kato.storage.clickhouse import postings

pytestmark = pytest.mark.servers_deep

Events = list[list[str]]

PLANS: tuple[Plan, ...] = ("index", "sql", "scan")
FILLING = 40
"""Patterns that have nothing in common with any memory: postings need some."""


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Postings for a few patterns, and always worth reading."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (postings, sql_plan):
            patched.setattr(module, "RANGE", 10)
            patched.setattr(module, "LEAST", 20)
        patched.setattr(sql_plan, "WORTH", 1e9)
        yield


@pytest.fixture(params=PLANS)
def plan(
    request: pytest.FixtureRequest, memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> Plan:
    """The plan that answers in a test."""
    chosen: Plan = request.param
    monkeypatch.setattr(memory._engines.planner, "_plan", chosen)
    return chosen


@pytest.fixture
def ready(memory: kato.Memory, kb: kato.KnowledgeBase, plan: Plan) -> Callable[[], None]:
    """Carries what was learned to where the plan finds it."""

    def carry() -> None:
        memory.flush()
        build(memory, kb, plan)

    return carry


def build(memory: kato.Memory, kb: kato.KnowledgeBase, plan: Plan) -> None:
    """Build what the plan needs, as far as ClickHouse has the patterns."""
    engines, number = memory._engines, memory._engines.counters.number(kb.name)
    assert number is not None
    if plan == "sql":
        engines.planner._sql.advance(number, patterns_of(engines, kb))
    if plan == "index":
        kb.explain(words("nobody knows"))  # who asks makes the catalog want it
        engines.catalog.extend(number)


def patterns_of(engines: Engines, kb: kato.KnowledgeBase) -> int:
    look = engines.counters.look(kb.name, [], 0)
    assert look is not None
    return look.last_pattern


def words(text: str) -> Events:
    return [[word] for word in text.split()]


def learn(kb: kato.KnowledgeBase, *texts: str) -> list[str]:
    names = [kb.learn(words(text)) for text in texts]
    return [name for name in names if name is not None]


def filling(kb: kato.KnowledgeBase, count: int = FILLING) -> None:
    kb.learn_many([["filling"], [f"number {i}"]] for i in range(count))


def verdict(kb: kato.KnowledgeBase, text: str, pattern: str, **config: Any) -> Verdict:
    found = kb.explain(words(text), pattern, **config).verdict
    assert found is not None
    assert found.pattern == pattern
    return found


def recall_steps(explanation: Explanation) -> list[Step]:
    return [step for step in explanation.steps if step.name != "measure"]


@pytest.fixture
def four(kb: kato.KnowledgeBase, ready: Callable[[], None]) -> list[str]:
    """Four patterns that are ever less like ``a b c``, behind some that are not like it at all."""
    filling(kb)
    names = learn(kb, "a b c", "a b c d", "a b x y", "c z y w v")
    ready()
    return names


def test_answered(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    found = verdict(kb, "a b c", four[1])
    assert (found.reason, found.place) == ("answered", 2)
    predictions = kb.predict(words("a b c"))
    assert predictions[1].name == four[1]
    assert found.rank_value == predictions[1].potential
    assert found.similarity == predictions[1].similarity
    assert found.sentence == f"place 2 of 4 in the ensemble by potential {found.rank_value:.6g}"
    assert kb.explain(words("a b c")).plan == plan


def test_not_among_the_best(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    found = verdict(kb, "a b c", four[2], max_predictions=1)
    assert (found.reason, found.place) == ("not among the best", 3)
    assert found.sentence.endswith(", and max_predictions answers 1")


def test_ranked_by_another_number(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    learn(kb, "a b c d")
    found = verdict(kb, "a b c", four[1], max_predictions=1, rank_sort_algo="frequency")
    assert (found.reason, found.rank_value) == ("answered", 2)
    assert verdict(kb, "a b c", four[0], max_predictions=1, rank_sort_algo="frequency").place == 2


def test_below_the_cut(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    found = verdict(kb, "a b c", four[3], max_predictions=1)
    explained = kb.explain(words("a b c"), max_predictions=1)
    assert found.reason == "below the cut"
    assert (explained.ensemble, explained.room) == (3, 3)
    assert found.preliminary is not None
    assert explained.worst_preliminary is not None
    assert found.preliminary < explained.worst_preliminary
    assert f"{found.preliminary:.6g} is below {explained.worst_preliminary:.6g}" in found.sentence


def test_a_tie_that_the_older_one_wins(
    kb: kato.KnowledgeBase, ready: Callable[[], None], plan: Plan
) -> None:
    filling(kb)
    names = learn(kb, "a b 1", "a b 2", "a b 3", "a b 4")
    ready()
    found = [verdict(kb, "a b", name, max_predictions=1) for name in names]
    assert [each.reason for each in found] == [
        "answered" if each.place == 1 else "not among the best" for each in found[:3]
    ] + ["below the cut"]
    assert found[3].sentence.endswith(
        "worst of the 3 patterns that are kept, and that one is older"
    )
    assert found[3].preliminary == found[2].preliminary


def test_a_tie_that_similarity_decides(
    kb: kato.KnowledgeBase, ready: Callable[[], None], plan: Plan
) -> None:
    """By characters, patterns of one potential are not equally similar."""
    filling(kb)
    less = learn(kb, "a b something-else-entirely")
    learn(kb, "a b 1", "a b 2", "a b 3")
    ready()
    found = verdict(kb, "a b", less[0], max_predictions=1, use_token_matching=False)
    assert found.reason == "below the cut"
    assert "and its similarity" in found.sentence
    assert "is below" in found.sentence


def test_below_the_threshold(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    found = verdict(kb, "a b c", four[2], recall_threshold=0.6)
    assert found.reason == "below the threshold"
    assert found.similarity == pytest.approx(4 / 7)
    assert found.sentence == "its similarity 0.571429 is below recall_threshold 0.6"
    assert verdict(kb, "a b c", four[2], recall_threshold=0.5).reason == "answered"


def test_nothing_in_common(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    (dog,) = learn(kb, "d o g")
    found = verdict(kb, "a b c", dog)
    assert (found.reason, found.similarity) == ("nothing in common", 0.0)
    assert found.sentence == "none of its 3 symbols was observed"
    assert verdict(kb, "a b c", dog, recall_threshold=0.0).reason == "answered"


def test_begins_otherwise(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    found = verdict(kb, "b", four[0])
    assert found.reason == "begins otherwise"
    assert found.sentence.endswith("this one begins with 'a'")
    assert verdict(kb, "a", four[0]).reason == "answered"


def test_not_learned(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    assert verdict(kb, "a b c", "0" * 40).reason == "not learned"
    assert verdict(kb, "a b c", "it's no name").reason == "not learned"
    assert verdict(kb, "a b c", four[0]).reason == "answered"
    kb.forget(four[0])
    assert verdict(kb, "a b c", four[0]).reason == "not learned"
    kb.clear()
    assert verdict(kb, "a b c", four[1]).reason == "not learned"


def test_nothing_observed(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    explained = kb.explain([[]], four[0])
    assert explained.verdict is not None
    assert explained.verdict.reason == "nothing observed"
    assert (explained.plan, explained.steps, explained.ensemble) == ("none", [], 0)


def test_a_knowledge_base_that_is_not_there(kb: kato.KnowledgeBase) -> None:
    assert verdict(kb, "a b", "0" * 40).reason == "not learned"
    assert kb.explain(words("a b")).plan == "none"


@pytest.mark.parametrize("flushed", [True, False])
@pytest.mark.parametrize(
    ("filters", "refusing", "config"),
    [
        (["length"], "length", {"length_max_ratio": 1.0}),
        (["bloom", "jaccard"], "jaccard", {"jaccard_threshold": 0.9}),
        (["jaccard", "length"], "jaccard", {"jaccard_threshold": 0.9}),
        (["length", "minhash"], "minhash", {"minhash_threshold": 1.0}),
        (["bloom", "rapidfuzz"], "rapidfuzz", {"recall_threshold": 0.9}),
    ],
    ids=str,
)
def test_filtered(
    kb: kato.KnowledgeBase,
    memory: kato.Memory,
    filters: list[str],
    refusing: str,
    config: dict[str, Any],
    *,
    flushed: bool,
) -> None:
    filling(kb)
    same, other = learn(kb, "a b c", "a b c d")
    if flushed:
        memory.flush()
    given = {"filter_pipeline": filters, **config}
    found = verdict(kb, "a b c", other, **given)
    assert (found.reason, found.filter) == ("filtered", refusing)
    assert f"the filter {refusing}, number {filters.index(refusing) + 1} of" in found.sentence
    assert verdict(kb, "a b c", same, **given).reason == "answered"
    assert [each.name for each in kb.predict(words("a b c"), **given)] == [same]


def test_cut_by_a_filter_s_limit(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    names = learn(kb, *(f"a b {i}" for i in range(102)))
    memory.flush()
    config: dict[str, Any] = {
        "filter_pipeline": ["length", "bloom"],
        "max_candidates_per_stage": 100,
    }
    found = verdict(kb, "a b", names[100], **config)
    assert (found.reason, found.filter) == ("filtered", "length")
    assert "lets 100 patterns through" in found.sentence
    assert verdict(kb, "a b", names[99], **config).reason == "answered"
    first = kb.explain(words("a b"), **config).steps[0]
    assert (first.candidates_in, first.candidates_out) == (102, 100)
    assert first.details["cut"] == 2


def test_passed_the_filters_and_was_beaten(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    names = learn(kb, "a b", "a b c", "a b d", "a x y z")
    memory.flush()
    config: dict[str, Any] = {"filter_pipeline": ["bloom"], "max_predictions": 1}
    assert verdict(kb, "a b", names[3], **config).reason == "below the cut"
    config["recall_threshold"] = 0.5
    assert verdict(kb, "a b", names[3], **config).reason == "below the threshold"


def test_a_filter_step_counts_as_its_report_does(
    kb: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    filling(kb)
    learn(kb, "a b c", "a b c d", "a q r")
    memory.flush()
    steps = kb.explain(
        words("a b c"), filter_pipeline=["bloom", "jaccard", "jaccard"], jaccard_threshold=0.5
    ).steps
    counted = [(step.name, step.candidates_in, step.candidates_out) for step in steps]
    assert counted == [
        ("filter bloom", FILLING + 3, 3),
        ("filter jaccard", 3, 2),
        ("filter jaccard", 2, 2),
        ("match", 2, 2),
        ("measure", 2, 2),
    ]
    assert steps[0].bytes_read > 0
    assert steps[0].details["statements"] == 2


def test_the_steps_of_the_plan(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    explained = kb.explain(words("a b c"))
    first = recall_steps(explained)[0]
    names = {"index": ["index"], "sql": ["postings", "scan"], "scan": ["scan"]}
    assert [step.name for step in recall_steps(explained)] == names[plan]
    assert explained.why == f"the settings say {plan}"
    assert sum(step.candidates_in for step in recall_steps(explained)) == FILLING + 4
    assert first.rows_read + recall_steps(explained)[-1].rows_read >= 4
    if plan == "index":
        assert (first.bytes_read, first.details["overlaps"]) == (0, FILLING + 4)
    else:
        assert first.bytes_read >= 8 * first.rows_read
        assert first.details["statements"] >= 1


def test_the_tail_is_a_step(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    (new,) = learn(kb, "a b c e")
    explained = kb.explain(words("a b c"), new)
    tail = recall_steps(explained)[-1]
    assert (tail.name, tail.candidates_in, tail.rows_read) == ("tail", 1, 1)
    assert tail.candidates_out == explained.ensemble == 5
    assert explained.verdict is not None
    assert explained.verdict.reason == "answered"


def test_a_plan_that_covers_nothing_is_not_said_to_answer(
    kb: kato.KnowledgeBase, memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(kb, "a b", "a c")
    for plan, said in (("index", "covers none of its patterns yet"), ("sql", "not built")):
        monkeypatch.setattr(memory._engines.planner, "_plan", plan)
        explained = kb.explain(words("a b"))
        assert explained.plan == "scan"
        assert explained.why.startswith(f"the settings say {plan}, ")
        assert said in explained.why
        assert [step.name for step in explained.steps] == ["tail", "measure"]


def test_a_second_round_is_told(
    kb: kato.KnowledgeBase, memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first patterns are better than all others: the sample promises too much."""
    monkeypatch.setattr(memory._engines.planner, "_plan", "scan")
    monkeypatch.setattr(sample, "ENDS", (40,))
    kb.learn_many([["a"], ["b"], [f"x{i}"]] for i in range(20))
    kb.learn_many([["a"], [f"y{i}"], ["z"], [f"w{i}"]] for i in range(480))
    memory.flush()
    explained = kb.explain(words("a b"), max_predictions=10)
    steps = [(step.name, step.round) for step in explained.steps]
    assert steps[:2] == [("sample", 1), ("scan", 1)]
    assert steps[2:4] == [("sample", 2), ("scan", 2)]
    assert explained.steps[0].bytes_read > 0  # the sample was not kept yet
    assert explained.steps[2].bytes_read == 0
    assert explained.steps[3].candidates_out == explained.ensemble == 30


def test_what_is_not_asked_is_not_counted(
    kb: kato.KnowledgeBase, four: list[str], plan: Plan
) -> None:
    plain = kb.predict(words("a b c"))
    explained = kb.predict(words("a b c"), explain=True)
    assert plain.explanation is None
    assert explained.explanation is not None
    assert set(msgspec.json.decode(msgspec.json.encode(plain))) == {
        "predictions",
        "future_potentials",
    }
    assert msgspec.structs.replace(explained, explanation=None) == plain
    encoded = msgspec.json.encode(explained.explanation)
    assert msgspec.json.decode(encoded, type=Explanation) == explained.explanation


def test_a_session_explains_its_memory(kb: kato.KnowledgeBase, four: list[str], plan: Plan) -> None:
    session = kato.Session(kb, max_predictions=1)
    for word in ["a", "b", "c"]:
        session.observe([word])
    explained = session.explain(four[3])
    assert explained.verdict is not None
    assert explained.verdict.reason == "below the cut"
    explained = session.explain(four[3], max_predictions=10)
    assert explained.verdict is not None
    assert explained.verdict.reason == "answered"
    told = session.predict(explain=True).explanation
    assert told is not None
    assert told.ensemble == 3
    assert session.predict().explanation is None


def test_a_pattern_forgotten_meanwhile_is_not_learned(
    kb: kato.KnowledgeBase, four: list[str], plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when its state was read, and not when it was recalled."""
    explainer = kb._explainer
    read = explainer._state
    forgetting = [four[0]]

    def read_and_forget(name: str, pattern: str) -> Any:
        state = read(name, pattern)
        while forgetting:
            kb.forget(forgetting.pop())
        return state

    monkeypatch.setattr(explainer, "_state", read_and_forget)
    assert verdict(kb, "a b c", four[0]).reason == "not learned"


SYMBOLS = st.sampled_from([*"abcd", "it's", "é"])
SEQUENCES = st.lists(
    st.lists(st.lists(SYMBOLS, min_size=1, max_size=2), min_size=2, max_size=5),
    min_size=1,
    max_size=14,
)
MEMORIES = st.lists(st.lists(st.one_of(SYMBOLS, st.just("?")), max_size=2), max_size=4)
CONFIGS = st.fixed_dictionaries(
    {"max_predictions": st.sampled_from((1, 2, 100))},
    optional={
        "recall_threshold": st.sampled_from((0.0, 0.3, 0.5, 1.0)),
        "filter_pipeline": st.lists(
            st.sampled_from(("length", "jaccard", "bloom", "minhash", "rapidfuzz")), max_size=3
        ),
        "fuzzy_token_threshold": st.just(0.8),
        "use_token_matching": st.just(False),
        "rank_sort_algo": st.sampled_from(("similarity", "frequency")),
    },
)
LEFT_OUT_REASONS = {
    "not among the best",
    "below the cut",
    "below the threshold",
    "nothing in common",
    "begins otherwise",
    "filtered",
    "nothing observed",
}


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stored=SEQUENCES,
    new=SEQUENCES,
    events=MEMORIES,
    config=CONFIGS,
    plan=st.sampled_from(PLANS),
    data=st.data(),
)
def test_every_verdict_agrees_with_the_answer(
    memory: kato.Memory,
    kb: kato.KnowledgeBase,
    *,
    stored: list[Events],
    new: list[Events],
    events: Events,
    config: dict[str, Any],
    plan: Plan,
    data: st.DataObject,
) -> None:
    kb.clear()
    filling(kb, 20 if plan == "sql" else 1)
    names = {kb.learn(sequence) for sequence in stored}
    with planned(memory, plan):
        memory.flush()
        build(memory, kb, plan)
        names |= {kb.learn(sequence) for sequence in new}
        gone = data.draw(st.sampled_from(sorted(map(str, names))))
        kb.forget(gone)
        answered = [prediction.name for prediction in kb.predict(events, **config)]
        for name in map(str, names):
            explained = kb.explain(events, name, **config)
            check(explained, name, answered, gone, config)


@contextmanager
def planned(memory: kato.Memory, plan: Plan) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(memory._engines.planner, "_plan", plan)
        yield


def check(
    explained: Explanation, name: str, answered: list[str], gone: str, config: dict[str, Any]
) -> None:
    found = explained.verdict
    assert found is not None
    if name == gone:
        assert found.reason == "not learned"
    elif name in answered:
        assert (found.reason, found.place) == ("answered", answered.index(name) + 1)
    else:
        assert found.reason in LEFT_OUT_REASONS
        assert (found.reason == "not among the best") == (found.place is not None)
    if found.place is not None:
        assert found.place <= explained.ensemble
    if found.reason == "below the cut":
        assert explained.ensemble == explained.room == 3 * config["max_predictions"]
        assert found.preliminary is not None
        assert explained.worst_preliminary is not None
        assert found.preliminary <= explained.worst_preliminary
    steps = recall_steps(explained)
    if steps:
        assert steps[-1].candidates_out == explained.ensemble
        assert all(step.rows_read <= step.candidates_in for step in steps)
    if explained.ensemble:
        assert explained.steps[-1].candidates_in == explained.ensemble
        assert explained.steps[-1].candidates_out == len(answered)
