"""A knowledge base to a file and from one: the same again, once, whatever is in the way."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.upkeep.whole import NAMES, History, known_to

import kato
from kato.errors import Conflict, InvalidInput, UnreadableInput
from kato.storage.ledger.notes import Notes
from kato.upkeep.transfer import export_to, import_from

pytestmark = pytest.mark.servers_deep

KINDS = ("parquet", "ndjson")


def rows(count: int, seed: int) -> list[str]:
    """Lines of an NDJSON file; every tenth sequence was there before."""
    chance = random.Random(seed)
    return [
        json.dumps(
            {
                "events": [["x"], [f"s{i - 9 if i % 10 == 9 else i}"]],
                "frequency": chance.randint(1, 5),
                "emotives": [{"joy": chance.randint(-4, 4) / 4}],
                "metadata": {"row": [str(i % 3)]},
            }
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_is_the_same_again(memory: kato.Memory, tmp_path: Path, kind: str) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    History(seed).go_on(memory, 60)
    for name in set(NAMES) & set(memory.knowledge_bases()):
        file = tmp_path / f"{len(name)}.{kind}"
        kb, copy = memory.knowledge_base(name), memory.knowledge_base(f"{name} again")
        copy.learn([["not"], ["there"]])
        assert export_to(kb, file) == kb.stats()
        imported = import_from(memory, copy.name, file, replace=True)
        assert imported.tally.new == kb.stats().patterns
        assert nearly(known_to(copy)) == nearly(known_to(kb))


def nearly(known: Any) -> Any:
    """Without the last digits of sums, which depend on their order, and what is ranked by them.

    A sum whose shares were all forgotten is 0, or as good as that, where it was; else not there.
    """
    known = {name: known[name] for name in ("stats", "symbols", "patterns")}
    for symbol in known["symbols"]:
        sums = symbol["affinity"].items()
        symbol["affinity"] = {name: felt for name, felt in sums if abs(felt) > 1e-9}
    known["patterns"] = sorted(known["patterns"][0], key=lambda one: str(one["name"]))
    return json.loads(json.dumps(known), parse_float=lambda text: round(float(text), 9))


def test_merging_adds(memory: kato.Memory, kb_name: str, tmp_path: Path) -> None:
    file = tmp_path / "some.ndjson"
    file.write_text("\n".join(rows(20, 1)))
    first = import_from(memory, kb_name, file)
    second = import_from(memory, kb_name, file)
    assert (first.tally.new, first.tally.merged) == (18, 2)
    assert (second.tally.new, second.tally.merged, second.resumed_at) == (0, 20, 0)
    stats = memory.knowledge_base(kb_name).stats()
    assert stats.pattern_frequencies == 2 * first.tally.frequencies
    assert stats.total_symbols == 2 * first.tally.symbols


def test_bad_rows_are_named_and_left_out(memory: kato.Memory, kb_name: str, tmp_path: Path) -> None:
    file = tmp_path / "some.ndjson"
    lines = rows(6, 2)
    lines[1], lines[3] = '{"events": "a"}', '{"events": [["a"], ["b"]], "frequency": 0}'
    file.write_text("\n".join(lines))
    tally = import_from(memory, kb_name, file, replace=True).tally
    assert [(bad.line, bad.reason.split(" ")[0]) for bad in tally.bad_rows] == [
        (2, "Expected"),
        (4, "a"),
    ]
    assert (tally.rows, tally.new, tally.bad) == (6, 4, 2)


@pytest.mark.parametrize("name", ["a.csv", "a", "a.parquet.gz"])
def test_a_name_that_says_no_format(kb: kato.KnowledgeBase, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="says no format"):
        export_to(kb, tmp_path / name)


def test_what_cannot_be_read(memory: kato.Memory, kb_name: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="No such file"):
        import_from(memory, kb_name, tmp_path / "none.ndjson")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 it is not")
    with pytest.raises(UnreadableInput, match="Parquet"):
        import_from(memory, kb_name, tmp_path / "bad.parquet")


def test_counts_that_differ_are_told(
    memory: kato.Memory, kb: kato.KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.ndjson"
    file.write_text("\n".join(rows(3, 3)))
    remove = Notes.remove

    def remove_and_learn(notes: Notes, name: str) -> None:
        remove(notes, name)
        kb.learn([["somebody"], ["else"]])

    monkeypatch.setattr(Notes, "remove", remove_and_learn)
    with pytest.raises(Conflict, match="where the file has"):
        import_from(memory, kb.name, file, replace=True)
