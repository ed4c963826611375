"""An installation of KATO 3 as it may have become over the years, and what should be made of it.

The model is plain Python, and knows nothing of the program: names are ``sha1(str(events))``, as
KATO 3 made them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from hashlib import sha1
from random import Random
from typing import Any

import msgspec

BASES = ("alice_kato", "alice_old", "bob_kato")
TARGETS = {"alice_kato": "alice", "alice_old": "alice", "bob_kato": "bob"}
MAPPING = ["alice_old=alice"]
VECTOR = "VCTR|" + "1f" * 20
OTHER_VECTOR = "VCTR|" + "2e" * 20
EMOTIVES = ("joy", "fear", "Über-Angst")
SIGNS = ("it's", 'say "hi"', "\\", "☃", "\u200b", "a\nb", "🦆", "", "' OR 1=1 --", "\t")

Stored = dict[str, Any]

HUGE = {"text": sorted(("x" * 20_000, "☃" * 1000))}
RECORDS = [{"joy": float(number)} for number in range(120)]
CARRIED: dict[int, tuple[str, int, Stored, Stored]] = {
    1: ("frequency", 1, {"frequency": None}, {"frequency": 1}),
    2: ("frequency", 1, {"frequency": "0"}, {"frequency": 1}),
    3: ("frequency", 1, {"frequency": "many"}, {"frequency": 1}),
    7: ("frequency", 1, {"frequency": str(10**12)}, {"frequency": 10**9}),
    8: ("metadata", 0, {"metadata": HUGE}, {"metadata": HUGE}),
    9: ("metadata", 1, {"metadata": ["a", "list"]}, {"metadata": {}}),
    10: ("emotives", 1, {"emotives": 3}, {"emotives": []}),
    11: (
        "emotives",
        2,
        {"emotives": [{"joy": "very", "fear": 1.5}, "sad", {"joy": 2}]},
        {"emotives": [{"fear": 1.5}, {"joy": 2.0}]},
    ),
    12: (
        "emotives",
        2,
        {"emotives": '[{"joy": NaN, "fear": 0.5}, {"joy": Infinity}]'},
        {"emotives": [{"fear": 0.5}]},
    ),
    14: ("emotives", 1, {"emotives": "[{"}, {"emotives": []}),
    15: ("emotives", 0, {"emotives": None, "metadata": None}, {"emotives": [], "metadata": {}}),
    17: (
        "metadata",
        3,
        {"metadata": '{"\\ud800": ["a"], "k": ["\\udfff", "b"], "one": 1}'},
        {"metadata": {"k": ["b"], "one": ["1"]}},
    ),
    18: ("emotives", 1, {"emotives": RECORDS}, {"emotives": RECORDS[20:]}),
}
"""What is wrong with what one in sixty carries: the subject, how often it is found, what is stored
(nothing for None), and what is made of it."""


class OldRow(msgspec.Struct):
    """A row of ``kato.patterns_data``."""

    base: str
    name: str
    events: list[list[str]]
    created: int


class Old:
    """What ClickHouse and Redis hold, and the model of what is to come of it.

    Attributes:
        rows: The table's rows, in the table's order.
        keys: Redis' strings and hashes.
        findings: How often what is to be found, by subject.
        patterns: What is to be there, by knowledge base and name.
        affinity: The same of symbols.
    """

    def __init__(self, count: int, seed: int = 1) -> None:
        self.rows: list[OldRow] = []
        self.keys: dict[str, Any] = {}
        self.findings: Counter[str] = Counter()
        self.patterns: dict[str, dict[str, Stored]] = {"alice": {}, "bob": {}}
        self.affinity: dict[str, dict[str, dict[str, float]]] = {
            "alice": defaultdict(dict),
            "bob": defaultdict(dict),
        }
        self._rng = Random(seed)
        self._with_surrogates: list[tuple[str, str]] = []
        for base in BASES:
            for number in range(count // len(BASES)):
                self._add(base, number)
        self._add_affinity()

    def forget_surrogates(self) -> int:
        """Leave out the patterns whose metadata hold lone surrogates; answers how many."""
        for kb, name in self._with_surrogates:
            del self.patterns[kb][name]
        return len(self._with_surrogates)

    def symbols(self, kb: str) -> dict[str, tuple[int, int]]:
        """By symbol, how often it was learned and how many patterns hold it."""
        frequencies: Counter[str] = Counter()
        members: Counter[str] = Counter()
        for pattern in self.patterns[kb].values():
            held = [symbol for event in pattern["events"] for symbol in event]
            members.update(set(held))
            for symbol in held:
                frequencies[symbol] += pattern["frequency"]
        return {symbol: (frequencies[symbol], members[symbol]) for symbol in members}

    def _add(self, base: str, number: int) -> None:
        rng, odd = self._rng, number % 60
        # Numbers keep apart what one knowledge base holds; two of them share every fourth pattern.
        is_shared = number % 4 == 0 and base.startswith("alice")
        owner, drawn = ("", Random(number)) if is_shared else (base, rng)
        events = [_symbols(drawn) for _ in range(drawn.randint(1, 6))]
        events = [[f"{owner}{number}"], *events]
        frequency = rng.randint(1, 9)
        carried: Stored = {
            "frequency": frequency,
            "emotives": [
                {rng.choice(EMOTIVES): rng.randint(-9, 9) / 4} for _ in range(rng.randint(0, 5))
            ],
            "metadata": {f"k{rng.randint(0, 3)}": [str(rng.randint(0, 3))] for _ in range(2)},
        }
        raw = dict(carried)
        events, stored_name = self._made_odd(odd, events, raw, carried)
        name = stored_name or _name(events)
        self.rows.append(OldRow(base, name, events, 1_700_000_000 + number))
        if odd == 17:
            self._with_surrogates.append((TARGETS[base], name))
        if odd == 5:
            self.rows.append(self.rows[-1])
            self.findings["doubled"] += 1
        for part in ("frequency", "emotives", "metadata"):
            if part in raw:
                value = raw[part]
                self.keys[f"{base}:{part}:{name}"] = (
                    value if isinstance(value, str) else json.dumps(value)
                )
        full = [event for event in events if event]
        if sum(map(len, full)) >= 2:
            self._expect(TARGETS[base], full, carried)

    def _made_odd(
        self, odd: int, events: list[list[str]], raw: Stored, carried: Stored
    ) -> tuple[list[list[str]], str | None]:
        """What is wrong with one in sixty: the events, and a name that is not theirs."""
        if odd in CARRIED:
            subject, times, given, expected = CARRIED[odd]
            self.findings[subject] += times
            raw |= given
            carried |= expected
            for part in [part for part, value in raw.items() if value is None]:
                del raw[part]
        elif odd == 4:
            self.findings["name"] += 1
            return events, f"no SHA-1 {events[0][0]}"
        elif odd == 6:
            self.findings += Counter(("name", "events"))
            events = [events[0], [], *events[1:]]
        elif odd == 13:
            self.findings["events"] += 1
            events = events[:1]
        elif odd == 16:
            self.findings["vectors"] += 1
            events = [[VECTOR, OTHER_VECTOR, "near"], *events]
        return events, None

    def _expect(self, kb: str, events: list[list[str]], carried: Stored) -> None:
        name = _name(events)
        known = self.patterns[kb].get(name)
        if known is None:
            self.patterns[kb][name] = {
                "events": events,
                **carried,
                "metadata": {key: sorted(set(v)) for key, v in carried["metadata"].items()},
            }
            return
        known["frequency"] += carried["frequency"]
        known["emotives"] = [*known["emotives"], *carried["emotives"]][-100:]
        for key, values in carried["metadata"].items():
            known["metadata"][key] = sorted({*known["metadata"].get(key, []), *values})

    def _add_affinity(self) -> None:
        """Sums as a history left them: no recount gives them."""
        for base in BASES:
            held = {
                symbol
                for row in self.rows
                if row.base == base and sum(map(len, row.events)) >= 2
                for event in row.events
                for symbol in event
            }
            for symbol in sorted(held):
                if self._rng.random() < 0.5:
                    sums = {name: self._rng.randint(-99, 99) / 8 for name in EMOTIVES[:2]}
                    self.keys[f"{base}:affinity:{symbol}"] = {
                        name: str(value) for name, value in sums.items()
                    }
                    told = self.affinity[TARGETS[base]][symbol]
                    for name, value in sums.items():
                        told[name] = told.get(name, 0.0) + value


def _symbols(rng: Random) -> list[str]:
    pool = [*SIGNS, *(f"s{number}" for number in range(40))]
    return sorted(rng.choice(pool) for _ in range(rng.randint(1, 3)))


def _name(events: list[list[str]]) -> str:
    return sha1(str(events).encode()).hexdigest()  # noqa: S324
