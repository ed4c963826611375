"""The specification as a program: plain, slow, and readable beside ``spec/algorithms.md``.

Sections 1 to 4, 6, 7 and 9 of the specification, with the decisions of the design on its quirks
(Q3, Q4, Q5, Q7, Q10, Q16, Q17, Q20, Q26, Q27, Q28). No integers for symbols, no arrays, no
kernels: the tests hold the library against this.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kato.model.naming import pattern_name

Event = list[str]
Events = list[Event]
Block = tuple[int, int, int]

DEFAULTS: dict[str, Any] = {
    "recall_threshold": 0.1,
    "max_predictions": 100,
    "use_token_matching": True,
    "fuzzy_token_threshold": 0.0,
    "rank_sort_algo": "potential",
    "affinity_emotive": None,
    "sort_symbols": True,
    "max_pattern_length": 0,
    "stm_mode": "CLEAR",
    "persistence": 5,
}


# Section 1: data model


def stored_order(event: Iterable[str], *, sort: bool = True) -> Event:
    """Vector symbols first, then the others, each group sorted."""
    vectors = [symbol for symbol in event if symbol.startswith("VCTR|")]
    strings = [symbol for symbol in event if not symbol.startswith("VCTR|")]
    return sorted(vectors) + sorted(strings) if sort else vectors + strings


def flat(events: Iterable[Sequence[str]]) -> list[str]:
    return [symbol for event in events for symbol in event]


# Section 3: emotives and metadata


def average(records: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: _mean([record[name] for record in records if name in record]) for name in names}


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))


# Section 6: matching one pattern


def lcs_length(first: Sequence[Any], second: Sequence[Any]) -> int:
    """Length of the longest common subsequence, by the textbook table."""
    row = [0] * (len(second) + 1)
    for one in first:
        diagonal = 0
        for j, other in enumerate(second):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if one == other else max(above, row[j])
            diagonal = above
    return row[-1]


def token_similarity(pattern: Sequence[str], memory: Sequence[str]) -> float:
    return ((2 * lcs_length(pattern, memory) / (len(pattern) + len(memory))) * 100) / 100


def character_ratio(a: str, b: str) -> float:
    total = len(a) + len(b)
    if total == 0:
        return 1.0
    return ((1 - (total - 2 * lcs_length(a, b)) / total) * 100) / 100


def matching_blocks(pattern: Sequence[Any], memory: Sequence[Any]) -> list[Block]:
    """The longest common run, then the same left-below and right-above of it."""
    i, j, size = _longest_run(pattern, memory)
    if size == 0:
        return []
    left = matching_blocks(pattern[:i], memory[:j])
    right = matching_blocks(pattern[i + size :], memory[j + size :])
    moved = [(i + size + a, j + size + b, length) for a, b, length in right]
    return [*left, (i, j, size), *moved]


def _longest_run(pattern: Sequence[Any], memory: Sequence[Any]) -> Block:
    best = (0, 0, 0)
    for i in range(len(pattern)):
        for j in range(len(memory)):
            size = 0
            while (
                i + size < len(pattern)
                and j + size < len(memory)
                and pattern[i + size] == memory[j + size]
            ):
                size += 1
            if size > best[2]:
                best = (i, j, size)
    return best


def rewritten(pattern: Sequence[str], memory: Sequence[str], threshold: float) -> list[str]:
    """Decision Q7: observed symbols give way to similar symbols of the pattern."""
    result = list(memory)
    claimed: set[int] = set()
    open_positions = []
    for j, symbol in enumerate(memory):
        equal = [i for i, s in enumerate(pattern) if s == symbol and i not in claimed]
        if equal:
            claimed.add(equal[0])
        else:
            open_positions.append(j)
    for j in open_positions:
        ratios = [
            (character_ratio(memory[j], symbol), -i)
            for i, symbol in enumerate(pattern)
            if i not in claimed
        ]
        ratio, negative = max(ratios, default=(0.0, 0))
        if ratio >= threshold:
            claimed.add(-negative)
            result[j] = pattern[-negative]
    return result


# Section 7.1: event alignment


def align_events(events: Events, past: int, present: int, first: str | None) -> tuple[int, int]:
    """Events before the present, and up to its end, from flat lengths and the first match."""
    total, j1 = 0, 0
    while total < past:
        total += len(events[j1])
        j1 += 1
    j2 = j1
    while total < past + present:
        total += len(events[j2])
        j2 += 1
    if j1 > 0 and first is not None and first in events[j1 - 1]:
        j1 -= 1
    return j1, j2


def match(pattern: dict[str, Any], observed: Events, config: Mapping[str, Any]) -> dict[str, Any]:
    """Sections 6, 7.1 and 7.2 for one pattern, whatever the recall threshold."""
    events: Events = pattern["events"]
    symbols, spelling = flat(events), flat(observed)
    memory = spelling
    if config["fuzzy_token_threshold"] > 0:
        memory = rewritten(symbols, spelling, config["fuzzy_token_threshold"])
    similarity = (
        token_similarity(symbols, memory)
        if config["use_token_matching"]
        else character_ratio(" ".join(symbols), " ".join(memory))
    )
    blocks = matching_blocks(symbols, memory)
    positions = [j + step for _, j, size in blocks for step in range(size)]
    matched = [memory[j] for j in positions]
    start = blocks[0][0] if blocks else 0
    end = blocks[-1][0] + blocks[-1][2] if blocks else len(symbols)
    j1, j2 = align_events(events, start, end - start, matched[0] if matched else None)
    present = events[j1:j2]
    n, m, size = len(memory), len(symbols), len(flat(present))
    return {
        "type": "prototypical",
        "name": pattern["name"],
        "frequency": pattern["frequency"],
        "emotives": average(pattern["emotives"]),
        "matches": [spelling[j] for j in positions],
        "past": events[:j1],
        "present": present,
        "missing": [[s for s in event if s not in matched] for event in present],
        "extras": _extras(observed, memory, flat(present)),
        "anomalies": [
            {
                "observed": spelling[j],
                "expected": memory[j],
                "similarity": character_ratio(spelling[j], memory[j]),
            }
            for j in positions
            if spelling[j] != memory[j]
        ],
        "evidence": len(matched) / m,
        "similarity": similarity,
        "fragmentation": float(len(blocks) - 1),
        "snr": (3 * len(matched) - n) / (len(matched) + n),
        "sequence": events,
        "future": events[j2:],
        "confidence": len(matched) / size if size else 0.0,
        "weighted_similarity": None,
        "weighted_evidence": None,
        "weighted_confidence": None,
        "weighted_snr": None,
        "_id": pattern["id"],
        "_memory": memory,
        "_matched": matched,
    }


def _extras(observed: Events, memory: Sequence[str], present: Sequence[str]) -> Events:
    extras, position = [], 0
    for event in observed:
        extras.append([s for at, s in enumerate(event, position) if memory[at] not in present])
        position += len(event)
    return extras


def cohesion(prediction: Mapping[str, Any]) -> float:
    fragmentation = prediction["fragmentation"]
    return 0.0 if fragmentation == -1 else float(1 / (fragmentation + 1))


def preliminary(prediction: Mapping[str, Any]) -> float:
    """Section 7.3."""
    p = prediction
    return float((p["evidence"] + p["confidence"]) * p["snr"] + cohesion(p))


# Section 9: information


def expectation(probability: float, base: float) -> float:
    if probability <= 0 or base <= 1:
        return 0.0
    return -probability * math.log(probability) / math.log(base)


def entropy(symbols: Sequence[str], base: float) -> float:
    counts = Counter(symbols).values()
    return sum((expectation(count / len(symbols), base) for count in counts), 0.0)


def chance(symbols: Sequence[str], probabilities: Mapping[str, float]) -> float:
    """Probability of all the symbols together; what is 0 or absent counts as 1e-10."""
    logs = [math.log10(probabilities.get(s, 0.0) or 1e-10) for s in symbols]
    return float(10 ** sum(logs)) if symbols else 0.0


def cosine_distance(
    memory: Sequence[str], present: Sequence[str], probabilities: Mapping[str, float]
) -> float:
    one, other = Counter(memory), Counter(present)
    axes = sorted({*one, *other})
    state = [probabilities.get(s, 0.0) * one[s] for s in axes]
    vector = [probabilities.get(s, 0.0) * other[s] for s in axes]
    if not any(state) or not any(vector):
        return 1.0
    product = sum(a * b for a, b in zip(state, vector, strict=True))
    lengths = math.sqrt(sum(a * a for a in state)) * math.sqrt(sum(b * b for b in vector))
    return 1 - product / lengths


def future_key(future: Events) -> tuple[tuple[str, ...], ...]:
    """Equal futures have equal keys: each event counts as the multiset of its symbols."""
    return tuple(tuple(sorted(event)) for event in future)


class ReferenceMemory:
    """A knowledge base in dictionaries."""

    def __init__(self) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"<memory of {[(p['frequency'], p['events']) for p in self.patterns.values()]}>"

    def clear(self) -> None:
        self.patterns: dict[str, dict[str, Any]] = {}
        self.frequency: Counter[str] = Counter()
        self.members: Counter[str] = Counter()
        self.affinity: dict[str, dict[str, float]] = {}
        self._next_id = 1

    # Section 4: learning

    def learn(
        self,
        events: Sequence[Sequence[str]],
        emotives: Mapping[str, float] | Sequence[Mapping[str, float]] = (),
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        persistence: int = 5,
        *,
        sort: bool = True,
    ) -> str:
        """Learn a sequence with its emotive and metadata records; its name, "" if too short."""
        stored = [stored_order(event, sort=sort) for event in events]
        symbols = flat(stored)
        if len(symbols) < 2:
            return ""
        felt = _records(emotives)
        name = pattern_name(stored)
        pattern = self.patterns.get(name) or self._new_pattern(name, stored)
        pattern["frequency"] += 1
        pattern["emotives"] = [*pattern["emotives"], *felt][-persistence:]
        _add_metadata(pattern["metadata"], _records(metadata))
        self.frequency.update(symbols)
        self._add_affinity(pattern, average(felt), 1)
        return name

    def _new_pattern(self, name: str, events: Events) -> dict[str, Any]:
        pattern = {
            "id": self._next_id,
            "name": name,
            "events": events,
            "length": len(flat(events)),
            "frequency": 0,
            "emotives": [],
            "metadata": {},
            "_affinity": {},
        }
        self._next_id += 1
        self.patterns[name] = pattern
        self.members.update(set(flat(events)))
        return pattern

    def _add_affinity(self, pattern: dict[str, Any], felt: Mapping[str, float], sign: int) -> None:
        for emotive, value in felt.items():
            own = pattern["_affinity"]
            own[emotive] = own.get(emotive, 0.0) + sign * value
            for symbol in set(flat(pattern["events"])):
                sums = self.affinity.setdefault(symbol, {})
                sums[emotive] = sums.get(emotive, 0.0) + sign * value

    def get(self, name: str) -> dict[str, Any] | None:
        pattern = self.patterns.get(name.removeprefix("PTRN|"))
        if pattern is None:
            return None
        hidden = ("id", "_affinity")
        return {key: value for key, value in pattern.items() if key not in hidden}

    def forget(self, name: str) -> bool:
        """Take a pattern back, with all it added to the counters; False if it is not there."""
        pattern = self.patterns.pop(name.removeprefix("PTRN|"), None)
        if pattern is None:
            return False
        symbols = flat(pattern["events"])
        self._add_affinity(pattern, dict(pattern["_affinity"]), -1)
        for symbol, count in Counter(symbols).items():
            self.frequency[symbol] -= count * pattern["frequency"]
            self.members[symbol] -= 1
            if self.members[symbol] == 0:
                del self.frequency[symbol], self.members[symbol]
                self.affinity.pop(symbol, None)
        return True

    def edit(
        self,
        name: str,
        frequency: int | None = None,
        emotives: Sequence[Mapping[str, float]] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Change what a pattern carries: records count as if each was learned by itself."""
        pattern = self.patterns[name]
        if frequency is not None:
            for symbol in flat(pattern["events"]):
                self.frequency[symbol] += frequency - pattern["frequency"]
            pattern["frequency"] = frequency
        if emotives is not None:
            self._add_affinity(pattern, dict(pattern["_affinity"]), -1)
            pattern["_affinity"].clear()
            pattern["emotives"] = [dict(record) for record in emotives if record]
            for record in pattern["emotives"]:
                self._add_affinity(pattern, record, 1)
        if metadata is not None:
            pattern["metadata"] = {
                key: sorted(set(map(str, values))) for key, values in metadata.items() if values
            }

    def search(
        self,
        symbol: str | None = None,
        prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Patterns that all of this fits, in the order they were first learned."""
        return [
            self.get(name) or {}
            for name, pattern in self.patterns.items()
            if (symbol is None or symbol in flat(pattern["events"]))
            and name.startswith((prefix or "").removeprefix("PTRN|"))
            and all(
                str(value) in pattern["metadata"].get(key, ())
                for key, value in (metadata or {}).items()
            )
        ]

    def stats(self) -> dict[str, int]:
        """Totals; every learn counts in ``pattern_frequencies`` (decision Q3)."""
        known = self.patterns.values()
        return {
            "patterns": len(self.patterns),
            "pattern_frequencies": sum(p["frequency"] for p in known),
            "symbols": len(self.frequency),
            "symbol_frequencies": sum(p["frequency"] * p["length"] for p in known),
        }

    def symbols(self) -> dict[str, dict[str, Any]]:
        """By symbol: how often it was learned, how many patterns hold it, its affinities."""
        return {
            symbol: {
                "frequency": self.frequency[symbol],
                "members": self.members[symbol],
                "affinity": dict(self.affinity.get(symbol, {})),
            }
            for symbol in sorted(self.frequency)
        }

    # Section 7: predictions

    def predict(
        self, events: Sequence[Sequence[str]], names: Iterable[str] | None = None, **changes: Any
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Ranked predictions and future potentials, of all patterns or of those named."""
        config = {**DEFAULTS, **changes}
        survivors, futures = self.ensemble(events, names, **changes)
        algo = config["rank_sort_algo"]
        survivors.sort(key=lambda p: (-p[algo], -p["similarity"], -p["frequency"], p["name"]))
        return survivors[: config["max_predictions"]], futures

    def ensemble(
        self, events: Sequence[Sequence[str]], names: Iterable[str] | None = None, **changes: Any
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All predictions that were measured together, by pattern id, and future potentials."""
        config = {**DEFAULTS, **changes}
        observed = [stored_order(event, sort=config["sort_symbols"]) for event in events]
        if not flat(observed):
            return [], []
        wanted = set(self.patterns if names is None else names)
        candidates = [p for p in self.patterns.values() if p["name"] in wanted]
        survivors = self._survivors(candidates, observed, config)
        futures = self._measure(survivors, config)
        return [_public(prediction) for prediction in survivors], futures

    def _survivors(
        self, candidates: list[dict[str, Any]], observed: Events, config: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Who matches, cut by the preliminary potential (7.3, 7.6), by ascending id."""
        symbols, threshold = flat(observed), config["recall_threshold"]
        if len(symbols) == 1:  # decision Q26: who begins with it, whatever the threshold
            found = [
                match(p, observed, config) for p in candidates if flat(p["events"])[0] == symbols[0]
            ]
        else:
            found = [match(p, observed, config) for p in candidates]
            found = [
                p
                for p in found
                if p["similarity"] >= threshold and (threshold == 0 or p["fragmentation"] >= 0)
            ]
        found.sort(key=lambda p: (-preliminary(p), -p["similarity"], p["_id"]))
        return sorted(found[: 3 * config["max_predictions"]], key=lambda p: p["_id"])

    def probabilities(self, survivors: list[dict[str, Any]]) -> dict[str, float]:
        """Share of patterns that hold each symbol of any survivor's matches or missing."""
        table = {s for p in survivors for s in p["_matched"]}
        table |= {s for p in survivors for s in flat(p["missing"])}
        return {s: self.members[s] / len(self.patterns) for s in sorted(table)}

    def _measure(
        self, survivors: list[dict[str, Any]], config: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Section 7.4, into the predictions; the future potentials."""
        totals, prob = self.stats(), self.probabilities(survivors)
        frequencies = sum(p["frequency"] for p in survivors)
        evidence = sum(p["similarity"] * p["frequency"] / frequencies for p in survivors)
        for p in survivors:
            present = flat(p["present"])
            prior = p["frequency"] / frequencies
            p["pattern_probability"] = p["bayesian_prior"] = prior
            p["bayesian_likelihood"] = p["similarity"]
            p["weighted_strength"] = p["similarity"] * prior
            p["bayesian_posterior"] = p["weighted_strength"] / evidence if evidence else 0.0
            distance = cosine_distance(p["_memory"], present, prob)
            p["itfdf_similarity"] = 1 - distance * prior
            surprise = 1 - chance(present, prob) if present else 0.0
            p["confluence"] = p["frequency"] / totals["pattern_frequencies"] * surprise
            p["entropy"] = entropy(present, 2)
            p["normalized_entropy"] = entropy(present, totals["symbols"])
            p["global_normalized_entropy"] = sum(
                expectation(prob.get(s, 0.0), totals["symbols"]) for s in sorted(set(present))
            )
            p["tfidf_score"] = self._tfidf(present)
            if config["affinity_emotive"] is not None:
                self._weigh(p, config["affinity_emotive"])
            p["potential"] = _potential(p)
        return _predictive_information(survivors)

    def _tfidf(self, present: Sequence[str]) -> float:
        if not present:
            return 0.0
        patterns = len(self.patterns)
        scores = [
            count / len(present) * (math.log2(patterns / max(self.members[s], 1)) + 1)
            for s, count in Counter(present).items()
        ]
        return sum(scores) / len(scores)

    def weight(self, symbol: str, emotive: str) -> float:
        """Section 7.8."""
        affinity = abs(self.affinity.get(symbol, {}).get(emotive, 0.0))
        frequency = self.frequency.get(symbol, 0)
        return affinity / frequency + 0.01 if affinity > 0 and frequency > 0 else 0.01

    def _weigh(self, p: dict[str, Any], emotive: str) -> None:
        memory, present = p["_memory"], flat(p["present"])

        def total(symbols: Sequence[str]) -> float:
            # Symbols outside the memory weigh nothing; beside a memory of one symbol they do.
            counted = [s for s in symbols if s in memory or len(memory) == 1]
            return sum((self.weight(s, emotive) for s in counted), 0.0)

        matches = total(p["_matched"])
        extras = total([s for s in memory if s not in present])
        p["weighted_similarity"] = 2 * matches / (total(memory) + total(flat(p["sequence"])))
        p["weighted_evidence"] = _share(matches, total(flat(p["sequence"])))
        p["weighted_confidence"] = _share(matches, total(present))
        p["weighted_snr"] = _share(matches, matches + extras)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _potential(p: Mapping[str, Any]) -> float:
    prefix = "" if p["weighted_evidence"] is None else "weighted_"
    evidence, confidence, snr = (p[prefix + key] for key in ("evidence", "confidence", "snr"))
    return float((evidence + confidence) * snr + p["itfdf_similarity"] + cohesion(p))


def _predictive_information(survivors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[tuple[str, ...], ...], list[dict[str, Any]]] = {}
    for p in survivors:
        p["predictive_information"] = 0.0
        if p["future"]:
            groups.setdefault(future_key(p["future"]), []).append(p)
    weights = {key: sum(p["frequency"] * p["similarity"] for p in g) for key, g in groups.items()}
    total = sum(weights.values())
    futures = []
    for key, group in groups.items():
        aggregate = weights[key] / total if total else 0.0
        for p in group:
            p["predictive_information"] = _share(p["weighted_strength"], aggregate)
        futures.append(
            {
                "future": group[0]["future"],
                "aggregate_potential": aggregate,
                "supporting_patterns": len(group),
                "total_weighted_frequency": weights[key],
            }
        )
    # Groups come by their smallest pattern id, and the sort is stable.
    return sorted(futures, key=lambda f: (-f["aggregate_potential"], -f["supporting_patterns"]))


def _public(prediction: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in prediction.items() if not key.startswith("_")}


def _records(given: Any) -> list[dict[str, Any]]:
    records = [given] if isinstance(given, Mapping) else given
    return [dict(record) for record in records if record]


def _add_metadata(known: dict[str, list[str]], records: Sequence[Mapping[str, Any]]) -> None:
    for record in records:
        for key, value in record.items():
            known[key] = sorted({*known.get(key, []), str(value)})


class ReferenceSession:
    """A short-term memory (sections 2 and 3), whose events carry what came with them (Q4, Q5)."""

    def __init__(self, memory: ReferenceMemory, **config: Any) -> None:
        self.memory = memory
        self.config = {**DEFAULTS, **config}
        self.clear_stm()

    def clear_stm(self) -> None:
        self.time = 0
        self._empty()

    def _empty(self) -> None:
        self._entries: list[dict[str, list[Any]]] = []
        self._waiting: dict[str, list[Any]] = {"emotives": [], "metadata": []}

    @property
    def stm(self) -> Events:
        return [list(entry["event"]) for entry in self._entries]

    @property
    def emotives(self) -> list[dict[str, float]]:
        """All emotive records held, oldest first."""
        kept = [record for entry in self._entries for record in entry["emotives"]]
        return kept + self._waiting["emotives"]

    def observe(
        self,
        strings: Sequence[str] = (),
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Observe an event; the name of a pattern that was learned by itself."""
        self.time += 1
        event = stored_order(strings, sort=self.config["sort_symbols"])
        if event:
            self._entries.append({"event": event, **self._waiting})
            self._waiting = {"emotives": [], "metadata": []}
            self._entries = self._entries[-1000:]
        holder = self._entries[-1] if self._entries else self._waiting
        holder["emotives"] += [dict(emotives)] if emotives else []
        holder["metadata"] += [dict(metadata)] if metadata else []
        return self._auto_learn() if event else None

    def _auto_learn(self) -> str | None:
        limit = self.config["max_pattern_length"]
        if limit <= 0 or len(self._entries) < limit:
            return None
        rolling = self.config["stm_mode"] == "ROLLING" and len(self._entries) > 1
        # Decision Q27: with a limit of 1, nothing is kept.
        window = self._entries[len(self._entries) - limit + 1 :] if rolling else []
        name = self.learn()
        self._entries = window
        return name or None

    def learn(self) -> str:
        """Learn the short-term memory and empty it; the name, "" if it was too short."""
        name = self.memory.learn(
            self.stm,
            [record for entry in self._entries for record in entry["emotives"]],
            [record for entry in self._entries for record in entry["metadata"]],
            self.config["persistence"],
            sort=False,
        )
        self._empty()
        return name

    def predict(self, **changes: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return self.memory.predict(self.stm, **{**self.config, **changes})
