"""Any text of Unicode scalar values works everywhere; a lone surrogate works nowhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference import stored_order

import kato
from kato.errors import InvalidConfig, InvalidSymbol
from kato.model.naming import pattern_name

pytestmark = pytest.mark.servers_deep

NASTY = {
    "empty": "",
    "blank": " ",
    "single quote": "it's",
    "double quote": 'say "hi"',
    "both quotes": "'\"`",
    "backslash": "\\",
    "escapes": "\\n\\t\\'\\x00\\N",
    "tab and newline": "a\tb\nc\r\nd",
    "NUL": "\0",
    "NUL inside": "a\0b",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85",
    "emoji": "😀👨‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "\u202eabc\u2066",
    "combining": "e\u0301 é",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "byte order mark": "\ufeff",
    "line separators": "\u2028\u2029\x1c",
    "100 kB": "x" * 100_000,
    "100 kB of emoji": "😀" * 25_000,
    "100 kB of quotes": "'" * 100_000,
    "SQL": "'); DROP TABLE patterns; --",
    "parameter": "{kb:UInt32}",
    "SQL comment": "/* */ -- \n#",
    "format": "%s %(a)s {0} $1 ?",
    "Lua": "]]..redis.call('FLUSHALL')..[[",
    "RESP": "*1\r\n$8\r\nFLUSHALL\r\n",
    "TSV null": "\\N",
    "JSON": '{"a": [null, NaN]}',
    "key": "{0}:names",
    "glob": "*?[a]",
    "pattern prefix": "PTRN|",
    "vector prefix": "VCTR|x",
    "number": "18446744073709551616",
    "None": "None",
}
SURROGATES = ("\ud800", "\udfff", "a\udc80b", "\udc00\ud800", "😀"[0] + "\ud83d")

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
texts = anything | st.sampled_from(sorted(NASTY.values(), key=len)[:-3])

_numbers = itertools.count()


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_nasty_texts(memory: kato.Memory, kb_name: str, text: str) -> None:
    check(memory, kb_name + text, text, text + "'")


@given(first=texts, second=texts, name=texts)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_texts(memory: kato.Memory, first: str, second: str, name: str) -> None:
    check(memory, f"{next(_numbers)}{name}", first, second)


def check(memory: kato.Memory, name: str, first: str, second: str) -> None:
    """Learn, predict, get, observe and count, from the journal and from ClickHouse."""
    kb = memory.knowledge_base(name)
    events = [["before"], stored_order([first, second]), [first], ["after"]]
    learned = kb.learn(events, emotives={first: 1.5}, metadata={first: second, second: first})
    assert learned == pattern_name(events)
    session = kato.Session(kb, "session" + name, affinity_emotive=first)
    session.observe(["before"], emotives={second: 2.0}, metadata={first: first})
    session.observe([second, first])
    for flushed in (False, True):
        if flushed:
            memory.flush()
        assert_known(kb, events, {first: 1.5})
        pattern = kb.get(str(learned))
        assert (pattern.events, pattern.emotives) == (events, [{first: 1.5}])
        expected = {first: {second}, second: {first}}
        assert pattern.metadata == {key: sorted(values) for key, values in expected.items()}
        assert session.predict() == kb.predict(session.events, affinity_emotive=first)
    assert name in memory.knowledge_bases()
    again = kato.Session(kb, "session" + name)
    assert again.events == [["before"], stored_order([first, second])]
    assert again.percept["strings"] == sorted([first, second])
    assert again.config.affinity_emotive == first
    again.learn()
    kb.forget(str(learned))
    assert {symbol.name for symbol in kb.symbols()} == {"before", first, second}
    kb.clear()
    assert kb.stats().patterns == 0


def assert_known(
    kb: kato.KnowledgeBase, events: list[list[str]], emotives: dict[str, float]
) -> None:
    (prediction,) = kb.predict(events[1:3])
    assert prediction.sequence == events
    assert prediction.past == events[:1]
    assert prediction.future == events[3:]
    assert prediction.emotives == emotives
    # In fuzzy and character mode texts are compared letter by letter.
    short = max(map(len, itertools.chain(*events))) < 50_000  # else it takes seconds
    by_letter = ({"fuzzy_token_threshold": 0.9}, {"use_token_matching": False})
    for config in by_letter if short else ():
        (other,) = kb.predict(events[1:3], **config)
        assert other.future == events[3:]
    counts: dict[str, int] = {}
    for symbol in itertools.chain(*events):
        counts[symbol] = counts.get(symbol, 0) + 1
    assert {symbol.name: symbol.frequency for symbol in kb.symbols()} == counts
    assert all(symbol.affinity == emotives for symbol in kb.symbols())


Call = Callable[[kato.Memory, kato.KnowledgeBase, kato.Session, str], Any]
REFUSED: dict[str, Call] = {
    "symbol learned": lambda _m, kb, _s, t: kb.learn([["a"], ["b", t]]),
    "symbol learned among many": lambda _m, kb, _s, t: kb.learn_many([[["a"], [t]]]),
    "symbol predicted from": lambda _m, kb, _s, t: kb.predict([["a"], [t]]),
    "symbol observed": lambda _m, _kb, s, t: s.observe(["a", t]),
    "emotive learned": lambda _m, kb, _s, t: kb.learn([["a"], ["b"]], emotives={t: 1.0}),
    "emotive observed": lambda _m, _kb, s, t: s.observe(["a"], emotives={t: 1.0}),
    "metadata key learned": lambda _m, kb, _s, t: kb.learn([["a"], ["b"]], metadata={t: 1}),
    "metadata value learned": lambda _m, kb, _s, t: kb.learn([["a"], ["b"]], metadata={"k": t}),
    "metadata key observed": lambda _m, _kb, s, t: s.observe(["a"], metadata={t: 1}),
    "metadata value observed": lambda _m, _kb, s, t: s.observe(["a"], metadata={"k": t}),
    "knowledge base's name": lambda m, _kb, _s, t: m.knowledge_base(t),
    "session's id": lambda _m, kb, _s, t: kato.Session(kb, t),
}


@pytest.mark.parametrize("text", SURROGATES, ids=ascii)
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_a_lone_surrogate_is_refused_and_nothing_changes(
    memory: kato.Memory, kb: kato.KnowledgeBase, call: Call, text: str
) -> None:
    session = kato.Session(kb)
    session.observe(["x", "y"], emotives={"joy": 1.0})
    kb.learn([["a"], ["b"]], metadata={"k": "v"})
    before = state(memory, kb, session)
    with pytest.raises(InvalidSymbol, match="lone surrogate at position") as raised:
        call(memory, kb, session, text)
    assert "\\ud" in raised.value.message  # the text is named, and can be printed
    raised.value.message.encode()
    assert state(memory, kb, session) == before


@pytest.mark.parametrize("text", SURROGATES, ids=ascii)
def test_a_lone_surrogate_is_no_affinity_emotive(kb: kato.KnowledgeBase, text: str) -> None:
    session = kato.Session(kb, affinity_emotive="joy")
    for call in (session.configure, session.predict):
        with pytest.raises(InvalidConfig) as raised:
            call(affinity_emotive=text)
        assert list(raised.value.problems) == ["affinity_emotive"]
    assert session.config.affinity_emotive == "joy"


def test_what_comes_before_a_lone_surrogate_is_learned(kb: kato.KnowledgeBase) -> None:
    with pytest.raises(InvalidSymbol):
        kb.learn_many([[["a"], ["b"]], [["c"], ["\ud800"]], [["d"], ["e"]]])
    assert {symbol.name for symbol in kb.symbols()} == {"a", "b"}


def state(memory: kato.Memory, kb: kato.KnowledgeBase, session: kato.Session) -> Any:
    """All there is to see."""
    return msgspec.to_builtins(
        [
            kb.stats(),
            list(kb.symbols()),
            list(kb.predict([["a"], ["b"]])),
            kb.get(pattern_name([["a"], ["b"]])),
            session.events,
            session.time,
            session.percept,
            session.config,
            memory.knowledge_bases(),
        ]
    )
