"""Explain an answer: how it was found, and why a pattern is in it or not."""

from __future__ import annotations

import re

import msgspec
import numpy as np

from kato.memory.predicting import Answer, Ensemble, MovedError, Predictor, settled
from kato.metrics import rank
from kato.model.config import SessionConfig
from kato.model.event import Event
from kato.model.explanation import Explanation, Verdict
from kato.model.naming import bare_name
from kato.model.prediction import Predictions
from kato.recall import Query
from kato.recall.left_out import left_out
from kato.recall.look import Look
from kato.recall.query import SURVIVORS_PER_PREDICTION
from kato.recall.trace import Trace
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.counters import Counters, PatternState
from kato.storage.ledger.journal import Sequences


class Explainer:
    """Answers predictions with an explanation; safe for threads.

    Args:
        predictor: Answers.
        counters: The ledger's counters.
        tables: ClickHouse's tables.
    """

    def __init__(self, predictor: Predictor, counters: Counters, tables: PatternTables) -> None:
        self._predictor = predictor
        self._counters = counters
        self._tables = tables

    def predict(self, kb: str, events: list[Event], config: SessionConfig) -> Predictions:
        """Predict from a memory of checked events, and explain the answer."""
        predictions, explanation = self._settled(kb, events, config, None)
        return msgspec.structs.replace(predictions, explanation=explanation)

    def explain(
        self, kb: str, events: list[Event], config: SessionConfig, pattern: str | None
    ) -> Explanation:
        """Explain how a memory of checked events is answered.

        Args:
            kb: The knowledge base's name.
            events: The memory, in stored order.
            config: The configuration.
            pattern: The name of a pattern to give a verdict about.

        Raises:
            Conflict: Patterns were forgotten again and again while it was answered.
        """
        return self._settled(kb, events, config, pattern)[1]

    def _settled(
        self, kb: str, events: list[Event], config: SessionConfig, pattern: str | None
    ) -> tuple[Predictions, Explanation]:
        return settled(lambda: self._attempt(kb, events, config, pattern))

    def _attempt(
        self, kb: str, events: list[Event], config: SessionConfig, pattern: str | None
    ) -> tuple[Predictions, Explanation]:
        state = None if pattern is None else self._state(kb, pattern)
        trace = Trace(state.id if state is not None else 0)
        answer = self._predictor.attempt(kb, events, config, trace)
        verdict = None
        if pattern is not None:
            verdict = self._verdict(pattern, state, trace, answer)
        return answer.predictions, _explanation(trace, answer, config, verdict)

    def _state(self, kb: str, pattern: str) -> PatternState | None:
        name = bare_name(pattern)
        if not re.fullmatch(r"[0-9a-f]{40}", name):
            return None
        return self._counters.state(kb, bytes.fromhex(name))

    def _verdict(
        self, pattern: str, state: PatternState | None, trace: Trace, answer: Answer
    ) -> Verdict:
        name, query = bare_name(pattern), answer.query
        if state is None:
            sentence = "no pattern has this name: it was never learned, or it was forgotten"
            return Verdict(pattern=name, reason="not learned", sentence=sentence)
        if query is None:
            sentence = "no symbol was observed, and nothing is recalled"
            return Verdict(pattern=name, reason="nothing observed", sentence=sentence)
        if answer.ensemble is not None and state.id in answer.ensemble.recalled.candidates.ids:
            return _placed(name, state.id, query.config, answer.ensemble)
        return self._left_out(state, query, trace, answer)

    def _left_out(self, state: PatternState, query: Query, trace: Trace, answer: Answer) -> Verdict:
        ensemble = answer.ensemble
        found = Look(query).nothing() if ensemble is None else ensemble.recalled
        verdict = left_out(query, trace, found, self._sequences(state, query))
        if verdict is None:
            raise MovedError
        return verdict

    def _sequences(self, state: PatternState, query: Query) -> Sequences:
        """The pattern as the recall could see it.

        Raises:
            MovedError: It could not: it was forgotten, or everything was cleared.
        """
        if state.kb != query.kb or state.id in query.tail.forgotten:
            raise MovedError
        for part in [*query.tail.sequences, self._tables.with_id(state.kb, state.id)]:
            found = np.flatnonzero(part.ids == state.id)
            if len(found):
                return part.take(found[:1])
        raise MovedError


def _placed(name: str, pattern: int, config: SessionConfig, ensemble: Ensemble) -> Verdict:
    recalled, measures, algo = ensemble.recalled, ensemble.measures, config.rank_sort_algo
    index = int(np.flatnonzero(recalled.candidates.ids == pattern)[0])
    order = rank(measures, recalled.names, algo, len(measures))
    place = int(np.flatnonzero(order == index)[0]) + 1
    value = float(measures.column(algo)[index])
    best = place <= config.max_predictions
    sentence = f"place {place:,} of {len(measures):,} in the ensemble by {algo} {value:.6g}"
    if not best:
        sentence += f", and max_predictions answers {config.max_predictions:,}"
    return Verdict(
        pattern=name,
        reason="answered" if best else "not among the best",
        sentence=sentence,
        similarity=float(recalled.alignment.similarity[index]),
        preliminary=float(recalled.alignment.preliminary[index]),
        place=place,
        rank_value=value,
    )


def _explanation(
    trace: Trace, answer: Answer, config: SessionConfig, verdict: Verdict | None
) -> Explanation:
    ensemble = answer.ensemble
    preliminary = None if ensemble is None else ensemble.recalled.alignment.preliminary
    return Explanation(
        plan=trace.plan,
        why=trace.why,
        steps=trace.steps,
        ensemble=0 if preliminary is None else len(preliminary),
        room=SURVIVORS_PER_PREDICTION * config.max_predictions,
        worst_preliminary=None if preliminary is None else float(preliminary.min()),
        verdict=verdict,
    )
