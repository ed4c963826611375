"""Predict: recall, count, measure, rank, and say it in texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from kato.errors import Conflict, KatoError
from kato.matching import Candidates, Observation
from kato.memory.vocabulary import Vocabulary
from kato.metrics import (
    COMPILED,
    Arithmetic,
    Corpus,
    Measures,
    Texts,
    affinity_weights,
    assemble,
    counted_symbols,
    rank,
    worded_events,
)
from kato.model.config import SessionConfig
from kato.model.emotive import average_emotives
from kato.model.event import Event, flattened
from kato.model.naming import NAME_LENGTH
from kato.model.prediction import Predictions
from kato.model.statistics import SymbolStatistics
from kato.recall import Query, Recall, Recalled
from kato.recall.query import candidates_of
from kato.recall.trace import Trace, listener, step
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.counters import Counters, Facts, Look, PatternState
from kato.storage.ledger.journal import Sequences
from kato.storage.ledger.tail import Tail, TailView

ATTEMPTS = 5

_Settled = TypeVar("_Settled")

NOTHING = Predictions([], [])

_NO_TAIL = TailView([], set(), {}, {})


class MovedError(Exception):
    """A pattern changed while it was looked at; look again."""


class _Wording(msgspec.Struct, frozen=True):
    """The recalled patterns' events, and by id the texts of their symbols."""

    sequences: list[list[Event]]
    texts: Texts


class Ensemble(msgspec.Struct, frozen=True):
    """The recalled patterns, measured."""

    recalled: Recalled
    measures: Measures
    facts: Facts
    wording: _Wording


class Answer(msgspec.Struct, frozen=True):
    """Predictions and how they came about.

    Attributes:
        predictions: The predictions.
        query: What was recalled; None if there was nothing to look for.
        ensemble: What was found; None if that is nothing.
    """

    predictions: Predictions
    query: Query | None = None
    ensemble: Ensemble | None = None


class Predictor:
    """Answers predictions for all knowledge bases; safe for threads.

    Args:
        counters: The ledger's counters.
        tail: The journal's tail.
        recall: Finds the patterns.
        tables: ClickHouse's tables.
        vocabulary: Texts of symbols.
        arithmetic: Computes the numbers.
    """

    def __init__(  # noqa: PLR0913, PLR0917, each is a thing of its own, and all are needed
        self,
        counters: Counters,
        tail: Tail,
        recall: Recall,
        tables: PatternTables,
        vocabulary: Vocabulary,
        arithmetic: Arithmetic = COMPILED,
    ) -> None:
        self._counters = counters
        self._tables = tables
        self._tail = tail
        self._recall = recall
        self._vocabulary = vocabulary
        self._arithmetic = arithmetic

    def predict(self, kb: str, events: list[Event], config: SessionConfig) -> Predictions:
        """Predict from a memory of checked events, in stored order.

        Raises:
            Conflict: Patterns were forgotten again and again while it was answered.
        """
        return settled(lambda: self.attempt(kb, events, config)).predictions

    def events_of(self, kb: str, state: PatternState) -> list[Event] | None:
        """The events of a pattern; None if it is gone."""
        found, tail = self._sequence(kb, state)
        if found is None:
            return None
        texts = self._vocabulary.texts(state.kb, found.symbols, tail)
        return worded_events(found, texts)[0]

    def symbols_of(self, kb: str, state: PatternState) -> list[int] | None:
        """The symbol ids of a pattern, repeats included; None if it is gone."""
        found, _ = self._sequence(kb, state)
        return None if found is None else found.symbols.tolist()

    def view(self, kb: str, texts: list[str]) -> tuple[Look, TailView] | None:
        """What there is at this moment: symbols' ids and the tail; None without such a name."""
        look = self._counters.look(kb, texts, self._tail.last)
        return None if look is None else (look, self._tail.catch_up(look))

    def worded(self, kb: int, sequences: Sequences, tail: TailView) -> list[list[Event]]:
        """The events of patterns in texts.

        Raises:
            Conflict: Their knowledge base was cleared meanwhile.
        """
        texts = self._vocabulary.texts(kb, sequences.symbols, tail)
        return worded_events(candidates_of(sequences), texts)

    def symbol_statistics(self, kb: str, ids: list[int]) -> list[SymbolStatistics]:
        """What is counted about symbols by id; those that are gone meanwhile are left out."""
        look = self._counters.look(kb, [], self._tail.last)
        if look is None:
            return []
        tail = self._tail.catch_up(look)
        numbers = np.array(ids, np.uint32)
        texts = self._vocabulary.texts(look.kb, numbers, tail)
        facts = self._counters.facts(look.kb, np.zeros(0, np.int64), numbers, ids)
        counted = zip(
            ids,
            facts.symbol_frequencies.tolist(),
            facts.members.tolist(),
            facts.affinities,
            strict=True,
        )
        return [
            SymbolStatistics(texts[i], frequency, members, affinity)
            for i, frequency, members, affinity in counted
            if members
        ]

    def nearest_vectors(
        self,
        kb: str,
        vector: Sequence[float],
        limit: int,
        max_distance: float | None,
        also: Mapping[str, list[float]],
    ) -> list[str]:
        """Names of the vectors nearest to one, of its dimension, by distance, then name."""
        look = self._counters.look(kb, [], self._tail.last)
        stored: dict[str, list[float]] = {}
        new = dict(also)
        if look is not None:
            new.update(self._tail.catch_up(look).vectors)
            stored = self._tables.nearest_vectors(look.kb, vector, limit)
        stored.update((name, value) for name, value in new.items() if len(value) == len(vector))
        # Measured here wherever they are: another sum of the same squares may end otherwise.
        distances = ((math.dist(value, vector), name) for name, value in stored.items())
        near = [(d, name) for d, name in distances if max_distance is None or d <= max_distance]
        return [name for _, name in sorted(near)[:limit]]

    def _sequence(self, kb: str, state: PatternState) -> tuple[Candidates | None, TailView]:
        """One pattern, from the tail or ClickHouse."""
        look = self._counters.look(kb, [], self._tail.last)
        tail = self._tail.catch_up(look) if look is not None else _NO_TAIL
        if look is None or look.kb != state.kb:  # cleared meanwhile; ids of another number
            tail = _NO_TAIL
        parts = [*tail.sequences, self._tables.with_id(state.kb, state.id)]
        for part in parts:
            found = np.flatnonzero(part.ids == state.id)
            if len(found):
                return candidates_of(part).take(found[:1]), tail
        return None, tail

    def attempt(
        self, kb: str, events: list[Event], config: SessionConfig, trace: Trace | None = None
    ) -> Answer:
        """Try once to answer.

        Raises:
            MovedError: A recalled pattern was forgotten before its counters were read.
        """
        heard = listener()
        if heard is None:
            return self._attempt(kb, events, config, trace)
        trace = trace or Trace()
        began = perf_counter()
        answer = self._attempt(kb, events, config, trace)
        heard(trace, perf_counter() - began)
        return answer

    def _attempt(
        self, kb: str, events: list[Event], config: SessionConfig, trace: Trace | None
    ) -> Answer:
        if not flattened(events):
            return Answer(NOTHING)
        texts = list(dict.fromkeys(flattened(events)))
        look = self._counters.look(kb, texts, self._tail.last)
        if look is None:
            return Answer(NOTHING)
        tail = self._tail.catch_up(look)
        ids = {text: i for text, i in zip(texts, look.symbols, strict=True) if i}
        observation = Observation.of(events, ids)
        query = self._query(look, observation, config, tail, trace)
        recalled = self._recall.recall(query)
        if not len(recalled.candidates):
            return Answer(NOTHING, query)
        with step(trace, "measure", len(recalled.candidates)) as tally:
            ensemble = self._measured(look, observation, config, recalled, tail)
            predictions = self._answered(observation, config, ensemble)
            tally.kept = len(predictions)
        return Answer(predictions, query, ensemble)

    def _query(
        self,
        look: Look,
        observation: Observation,
        config: SessionConfig,
        tail: TailView,
        trace: Trace | None,
    ) -> Query:
        return Query(
            kb=look.kb,
            observation=observation,
            config=config,
            tail=tail,
            last_pattern=look.last_pattern,
            forgotten=look.forgotten,
            texts_of=lambda ids: self._texts_of(look.kb, ids, tail),
            vocabulary=lambda: self._vocabulary.all(look.kb, tail),
            trace=trace,
        )

    def _texts_of(self, kb: int, ids: Sequence[int], tail: TailView) -> dict[int, str]:
        numbers = np.array(ids, np.uint32)
        texts = self._vocabulary.texts(kb, numbers, tail)
        return dict(zip(ids, texts[numbers].tolist(), strict=True))

    def _measured(
        self,
        look: Look,
        observation: Observation,
        config: SessionConfig,
        recalled: Recalled,
        tail: TailView,
    ) -> Ensemble:
        survivors, alignment = recalled.candidates, recalled.alignment
        weighed = config.affinity_emotive is not None
        symbols = counted_symbols(observation, survivors, alignment, weighed=weighed)
        felt = symbols.tolist() if weighed else []
        asked = self._counters.begin_facts(look.kb, survivors.ids, symbols, felt)
        wording = self._wording(look, survivors, tail)  # while the ledger counts
        facts = asked()
        if not facts.frequencies.all():
            raise MovedError
        if isinstance(wording, KatoError):
            raise wording
        measures = self._arithmetic.measure(
            observation,
            survivors,
            alignment,
            facts.frequencies,
            symbols,
            facts.members,
            Corpus(facts.patterns, facts.pattern_frequencies, facts.symbols),
            _weights(config, facts),
        )
        return Ensemble(recalled, measures, facts, wording)

    def _wording(self, look: Look, survivors: Candidates, tail: TailView) -> _Wording | KatoError:
        """How patterns read; or why that cannot be said, for who still waits for an answer."""
        try:
            texts = self._vocabulary.texts(look.kb, survivors.symbols, tail)
        except KatoError as error:
            return error
        return _Wording(worded_events(survivors, texts), texts)

    def _answered(
        self, observation: Observation, config: SessionConfig, ensemble: Ensemble
    ) -> Predictions:
        recalled, measures = ensemble.recalled, ensemble.measures
        emotives = ensemble.facts.emotives
        order = rank(measures, recalled.names, config.rank_sort_algo, config.max_predictions)
        return assemble(
            observation,
            recalled.candidates,
            recalled.alignment,
            measures,
            order,
            names=_hexadecimal(recalled.names[order]),
            sequences=ensemble.wording.sequences,
            texts=ensemble.wording.texts,
            emotives=[average_emotives(emotives.get(i, ())) for i in order.tolist()]
            if emotives
            else (),
            compare=self._arithmetic.compare,
        )


def settled(attempt: Callable[[], _Settled]) -> _Settled:
    """What an attempt answers, made again while patterns move.

    Raises:
        Conflict: They move again and again.
    """
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except MovedError:
            continue
    raise Conflict("patterns were forgotten while they were recalled", remedy="ask again")


def _hexadecimal(names: npt.NDArray[np.uint8]) -> list[str]:
    """Names of 20 bytes as text."""
    digits = names.tobytes().hex()
    return [digits[start : start + NAME_LENGTH] for start in range(0, len(digits), NAME_LENGTH)]


def _weights(config: SessionConfig, facts: Facts) -> npt.NDArray[np.float64] | None:
    if config.affinity_emotive is None:
        return None
    affinities = [sums.get(config.affinity_emotive, 0.0) for sums in facts.affinities]
    return affinity_weights(affinities, facts.symbol_frequencies)
