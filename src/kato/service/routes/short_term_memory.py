"""What a session observes, learns and has in mind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Response

from kato.model.emotive import average_emotives
from kato.service.context import Context, context_of
from kato.service.direct import directly
from kato.service.json import StrictRoute, answered
from kato.service.operations import operation_of
from kato.service.wire.errors import BODY, IN_SESSION, INVALID
from kato.service.wire.observing import (
    Cleared,
    ClearedAll,
    CognitionAnswer,
    LearnedAnswer,
    MemoryAnswer,
    ObservationWanted,
    ObservedAnswer,
    PerceptAnswer,
    PlainObservation,
    PlainSequence,
    SequenceAnswer,
    SequenceWanted,
    TrainingAnswer,
)
from kato.session import Observation, Observed, ObservedMany
from kato.session.short_term_memory import ShortTermMemory
from kato.storage.ledger.operations import Operation

router = APIRouter(
    prefix="/sessions/{session_id}",
    tags=["short-term memory"],
    route_class=StrictRoute,
    responses=IN_SESSION,
)

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]


async def observe_event(
    session_id: str,
    wanted: PlainObservation | ObservationWanted,
    context: Context,
    operation: Operation | None = None,
) -> Response:
    """Answer :func:`observe`."""
    check_size([wanted], context)
    async with context.stepping(session_id) as session:
        observed = await context.observe(
            session,
            observation_of(wanted),
            operation,
        )
    node = session.knowledge_base.name
    context.measures.observations.inc()
    context.events.patterns_learned(node, [observed.auto_learned_pattern])
    return answered(
        {
            "status": "okay",
            "session_id": session_id,
            "processor_id": node,
            "stm_length": observed.stm_length,
            "time": observed.time,
            "unique_id": observed.unique_id,
            "auto_learned_pattern": named(observed.auto_learned_pattern),
        }
    )


async def observe_events(
    session_id: str,
    wanted: PlainSequence | SequenceWanted,
    context: Context,
    operation: Operation | None = None,
) -> Response:
    """Answer :func:`observe_sequence`."""
    check_size(wanted.observations, context)
    observations = [observation_of(each, each.unique_id) for each in wanted.observations]
    async with context.stepping(session_id) as session:
        observed = await context.call(
            session.observe_many,
            observations,
            learn_after_each=wanted.learn_after_each,
            learn_at_end=wanted.learn_at_end,
            clear_between=wanted.clear_stm_between,
            operation=operation,
        )
    node = session.knowledge_base.name
    context.measures.observations.inc(len(observations))
    context.events.patterns_learned(node, observed.learned)
    return answered(sequence_answer(node, observed, isolated=wanted.clear_stm_between))


@router.post("/observe", response_model=ObservedAnswer, responses=BODY)
@directly(PlainObservation, observe_event)
async def observe(
    session_id: str, wanted: ObservationWanted, context: Ours, operation: Once
) -> Response:
    """Observe one event; it is learned with those before if the configuration says so."""
    return await observe_event(session_id, wanted, context, operation)


@router.post("/observe-sequence", response_model=SequenceAnswer, responses=BODY)
@directly(PlainSequence, observe_events)
async def observe_sequence(
    session_id: str, wanted: SequenceWanted, context: Ours, operation: Once
) -> Response:
    """Observe events one after the other: all of them, or none if one cannot be used."""
    return await observe_events(session_id, wanted, context, operation)


@router.get("/stm", response_model=MemoryAnswer, responses=INVALID)
async def read_stm(session_id: str, context: Ours) -> Response:
    """Short-term memory."""
    state = await read_state(session_id, context)
    events = state.events
    return answered({"stm": events, "session_id": session_id, "length": len(events)})


@router.post("/learn", response_model=LearnedAnswer, responses=BODY)
async def learn(session_id: str, context: Ours, operation: Once) -> Response:
    """Learn short-term memory as a pattern, and empty it."""
    async with context.stepping(session_id) as session:
        learned = await context.call(session.learn_events, operation=operation)
    context.measures.learns.inc()
    context.events.patterns_learned(session.knowledge_base.name, [learned.pattern])
    name = named(learned.pattern) or ""
    return answered(
        {
            "status": "learned",
            "pattern_name": name,
            "session_id": session_id,
            "processor_id": None,
            "message": f"Learned pattern {name} from {learned.events} events",
        }
    )


@router.post("/clear-stm", response_model=Cleared, responses=BODY)
async def clear_stm(session_id: str, context: Ours, operation: Once) -> Response:
    """Empty short-term memory and begin time anew."""
    async with context.stepping(session_id) as session:
        await context.call(session.clear, operation=operation)
    return answered({"status": "cleared", "session_id": session_id})


@router.post("/clear-all", response_model=ClearedAll, responses=BODY)
async def clear_all(session_id: str, context: Ours, operation: Once) -> Response:
    """The same, and forget everything the node knows, for everyone."""
    async with context.stepping(session_id) as session:
        await context.call(session.clear_all, operation=operation)
    return answered({"status": "cleared", "session_id": session_id, "scope": "all"})


@router.post("/finalize-training", response_model=TrainingAnswer, responses=BODY)
async def finalize_training(session_id: str, context: Ours) -> Response:
    """Answers as it always did; there is nothing to be computed in advance."""
    began = time.perf_counter()
    session = await context.session(session_id)
    await context.call(session.read)
    kb = session.knowledge_base
    patterns = (await context.call(kb.stats)).patterns
    took = (time.perf_counter() - began) * 1000
    return answered(
        {
            "status": "completed",
            "patterns_processed": patterns,
            "time_ms": round(took, 3),
            "session_id": session_id,
            "node_id": kb.name,
            "message": f"Finalized {patterns} patterns in {took:.1f} ms",
        }
    )


@router.get("/percept-data", response_model=PerceptAnswer, responses=INVALID)
async def read_percept(session_id: str, context: Ours) -> Response:
    """The last observation; its emotives are the mean over what waits to be learned."""
    session = await context.session(session_id)
    state = await context.call(session.read)
    percept = dict(state.percept)
    if percept:
        percept["emotives"] = average_emotives(records_of(state))
        percept["path"] = []
    node = session.knowledge_base.name
    return answered({"percept_data": percept, "session_id": session_id, "node_id": node})


@router.get("/cognition-data", response_model=CognitionAnswer, responses=INVALID)
async def read_cognition(session_id: str, context: Ours) -> Response:
    """What the session has in mind; predictions are computed now."""
    session = await context.session(session_id)
    state = await context.call(session.read)
    kb, predictions = session.knowledge_base, []
    if state.config.process_predictions:
        found = await context.predict(kb.predict_with, state.events, state.config)
        predictions = found.predictions
    records = records_of(state)
    data = {
        "predictions": predictions,
        "emotives": records[-1] if records else {},
        "symbols": [symbol for event in state.events for symbol in event],
        "command": "",
        "metadata": {},
        "path": [],
        "strings": [],
        "vectors": [],
        "short_term_memory": state.events,
        "time": state.time,
    }
    return answered({"cognition_data": data, "session_id": session_id, "node_id": kb.name})


def observation_of(
    wanted: PlainObservation | ObservationWanted, unique_id: str | None = None
) -> Observation:
    """What is to be observed; what is empty is left out, and need not be checked."""
    return Observation(
        wanted.strings, wanted.vectors, wanted.emotives or None, wanted.metadata or None, unique_id
    )


async def read_state(session_id: str, context: Context) -> ShortTermMemory:
    """The state of a session, as it is now."""
    session = await context.session(session_id)
    return await context.call(session.read)


def records_of(state: ShortTermMemory) -> list[dict[str, float]]:
    """The emotives that wait to be learned, oldest first."""
    moments = (*state.moments, state.early)
    return [dict(record) for moment in moments for record in moment.emotives]


def sequence_answer(node: str, observed: ObservedMany, *, isolated: bool) -> dict[str, Any]:
    """What several observations did, as it is told; a pattern that was too short has no name."""
    names = [named(name) or "" for name in observed.learned]
    return {
        "status": "completed",
        "processor_id": node,
        "observations_processed": len(observed.results),
        "initial_stm_length": observed.initial_stm_length,
        "final_stm_length": observed.final_stm_length,
        "results": [result_of(i, each) for i, each in enumerate(observed.results)],
        "auto_learned_patterns": names,
        "final_learned_pattern": names[-1] if observed.learned_at_end else None,
        "isolated": isolated,
    }


def result_of(position: int, observed: Observed) -> dict[str, Any]:
    """What one of several observations did."""
    return {
        "status": "okay",
        "sequence_position": position,
        "stm_length": observed.stm_length,
        "time": observed.time,
        "unique_id": observed.unique_id,
        "auto_learned_pattern": named(observed.auto_learned_pattern),
    }


def named(name: str | None) -> str | None:
    """A pattern's name with the prefix it has on the wire."""
    return None if name is None else f"PTRN|{name}"


def check_size(wanted: Sequence[PlainObservation | ObservationWanted], context: Context) -> None:
    """Refuse more than the settings let a call bring."""
    settings = context.settings
    if len(wanted) > settings.max_call_events:
        raise HTTPException(
            413, f"a call brings at most {settings.max_call_events} events, this one {len(wanted)}"
        )
    most = max((len(each.strings) + len(each.vectors) for each in wanted), default=0)
    if most > settings.max_event_symbols:
        raise HTTPException(
            413, f"an event has at most {settings.max_event_symbols} symbols, this one {most}"
        )
