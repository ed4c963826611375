"""Histories of a knowledge base, taken by the library and by the reference alike."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from tests.cases import EMOTIVES, SYMBOLS, events
from tests.reference import ReferenceMemory

import kato

KEYS = ("source", "it's \x00\t\\")
VALUES = ("x", "", "é'\n", "3")

records = st.dictionaries(st.sampled_from(EMOTIVES), st.floats(-5, 5), max_size=2)
metadata = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
edits = st.fixed_dictionaries(
    {},
    optional={
        "frequency": st.integers(1, 9),
        "emotives": st.lists(records, max_size=3),
        "metadata": st.dictionaries(
            st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), max_size=3), max_size=2
        ),
    },
).filter(bool)
steps = st.one_of(
    st.tuples(st.just("learn"), events(), records, metadata),
    st.tuples(st.just("learn"), events(), records, metadata),
    st.tuples(st.just("relearn"), st.integers(0, 99), records, metadata),
    st.tuples(st.just("edit"), st.integers(0, 99), edits),
    st.tuples(st.just("edit"), st.integers(0, 99), edits),
    st.tuples(st.just("forget"), st.integers(0, 99)),
    st.tuples(st.just("flush")),
)
histories = st.lists(steps, min_size=1, max_size=20)
searches = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.sampled_from((*SYMBOLS[:4], "never learned")),
        "prefix": st.sampled_from(("", "a", "PTRN|1", "0", "%", "é")),
        "metadata": metadata,
    },
)

_numbers = itertools.count()


def fresh(memory: kato.Memory) -> kato.KnowledgeBase:
    """An empty knowledge base: an example of a property needs one of its own."""
    return memory.knowledge_base(f"example {next(_numbers)} of {os.getpid()} {os.urandom(4).hex()}")


def taken(memory: kato.Memory, kb: kato.KnowledgeBase, history: list[Any]) -> ReferenceMemory:
    """Take a history; answers the reference that took it too."""
    reference = ReferenceMemory()
    for step in history:
        if step[0] == "flush":
            memory.flush()
        else:
            take(kb, reference, step)
    return reference


def take(kb: kato.KnowledgeBase, reference: ReferenceMemory, step: Any) -> None:
    kind, *given = step
    if kind == "learn":
        sequence, emotives, data = given
        name = kb.learn(sequence, emotives=emotives, metadata=data)
        assert (name or "") == reference.learn(sequence, emotives, data)
        return
    names = list(reference.patterns)
    if not names:
        return
    name = names[given[0] % len(names)]
    if kind == "relearn":
        _, emotives, data = given
        sequence = reference.patterns[name]["events"]
        kb.learn(sequence, emotives=emotives, metadata=data)
        reference.learn(sequence, emotives, data)
    elif kind == "edit":
        edited = kb.edit(name, **given[1])
        reference.edit(name, **given[1])
        assert edited == kb.get(name)
    else:
        kb.forget(name)
        reference.forget(name)


def pages(kb: kato.KnowledgeBase, limit: int, **search: Any) -> Iterator[list[kato.Pattern]]:
    """All pages."""
    after = None
    while True:
        page = kb.patterns(**search, after=after, limit=limit)
        yield page.patterns
        after = page.next
        if after is None:
            return
