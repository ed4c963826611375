"""Predictions by the kernels alone: what the library does between recall and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from tests.reference import DEFAULTS, ReferenceMemory, flat, stored_order

from kato.matching import (
    Alignment,
    Candidates,
    CharacterMatcher,
    FuzzyMatcher,
    Matcher,
    Observation,
    TokenMatcher,
    align,
    best,
    qualifies,
    similar_symbols,
)
from kato.metrics import (
    COMPILED,
    Arithmetic,
    Corpus,
    affinity_weights,
    assemble,
    rank,
    worded_events,
)
from kato.model.emotive import average_emotives


class Encoded:
    """The content of a reference memory as integers."""

    def __init__(self, memory: ReferenceMemory) -> None:
        self.memory = memory
        self.texts = dict(enumerate(sorted(memory.frequency), start=1))
        self.ids = {text: number for number, text in self.texts.items()}
        self.patterns = list(memory.patterns.values())
        self.candidates = Candidates.of(
            (p["id"], [[self.ids[s] for s in event] for event in p["events"]])
            for p in self.patterns
        )
        totals = memory.stats()
        self.corpus = Corpus(totals["patterns"], totals["pattern_frequencies"], totals["symbols"])

    def column(self, counter: dict[str, int]) -> np.ndarray:
        return np.array([counter[text] for text in self.texts.values()], np.int64)

    def symbol_ids(self) -> np.ndarray:
        return np.array(list(self.texts), np.uint32)

    def weights(self, emotive: str | None) -> np.ndarray | None:
        if emotive is None:
            return None
        felt = [self.memory.affinity.get(s, {}).get(emotive, 0.0) for s in self.texts.values()]
        return affinity_weights(felt, self.column(self.memory.frequency))

    def matcher(self, observation: Observation, config: dict[str, Any]) -> Matcher:
        texts = None if config["use_token_matching"] else self.texts
        threshold = config["fuzzy_token_threshold"]
        if threshold > 0:
            vocabulary = list(self.texts.values())
            similar = similar_symbols(observation.texts, self.symbol_ids(), vocabulary, threshold)
            return FuzzyMatcher(similar, texts)
        return TokenMatcher() if texts is None else CharacterMatcher(texts)


def predict(
    memory: ReferenceMemory,
    events: Sequence[Sequence[str]],
    arithmetic: Arithmetic = COMPILED,
    **changes: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """As :meth:`ReferenceMemory.predict`, by the kernels."""
    config = {**DEFAULTS, **changes}
    observed = [stored_order(event, sort=config["sort_symbols"]) for event in events]
    encoded = Encoded(memory)
    if not flat(observed) or not encoded.patterns:
        return [], []
    observation = Observation.of(observed, encoded.ids)
    survivors, alignment = _survivors(encoded, observation, config)
    known = {p["id"]: p for p in encoded.patterns}
    patterns = [known[number] for number in survivors.ids.tolist()]
    measures = arithmetic.measure(
        observation,
        survivors,
        alignment,
        np.array([p["frequency"] for p in patterns], np.int64),
        encoded.symbol_ids(),
        encoded.column(memory.members),
        encoded.corpus,
        encoded.weights(config["affinity_emotive"]),
    )
    names = [p["name"] for p in patterns]
    digits = np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(-1, 20)
    order = rank(measures, digits, config["rank_sort_algo"], config["max_predictions"])
    needed = set(survivors.symbols.tolist())
    known_texts = np.array(
        [encoded.texts[at] if at in needed else None for at in range(len(encoded.texts) + 1)],
        np.object_,
    )
    answer = assemble(
        observation,
        survivors,
        alignment,
        measures,
        order,
        names=[names[index] for index in order],
        sequences=worded_events(survivors, known_texts),
        texts=known_texts,
        emotives=[average_emotives(patterns[index]["emotives"]) for index in order],
        compare=arithmetic.compare,
    )
    return msgspec.to_builtins(answer.predictions), msgspec.to_builtins(answer.future_potentials)


def _survivors(
    encoded: Encoded, observation: Observation, config: dict[str, Any]
) -> tuple[Candidates, Alignment]:
    candidates = encoded.candidates
    if len(observation) == 1:
        begins = candidates.symbols[candidates.offsets[:-1]] == observation.symbols[0]
        candidates = candidates.take(np.flatnonzero(begins))
    alignment = align(observation, candidates, encoded.matcher(observation, config))
    if len(observation) > 1:
        kept = np.flatnonzero(qualifies(alignment, config["recall_threshold"]))
        candidates, alignment = candidates.take(kept), alignment.take(kept)
    kept = best(alignment, candidates, 3 * config["max_predictions"])
    return candidates.take(kept), alignment.take(kept)
