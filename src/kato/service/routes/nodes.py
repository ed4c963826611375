"""Nodes as a whole: listed, forgotten, and used without a session."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import ValidationError

from kato.errors import InvalidInput, KnowledgeBaseNotFound, NotDisposable
from kato.memory import Placed
from kato.model.config import SessionConfig
from kato.model.example import Example
from kato.service.config import changes_of
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.operations import operation_of
from kato.service.raw_paths import RawPathRoute
from kato.service.routes.limits import check_events
from kato.service.routes.short_term_memory import named
from kato.service.wire.errors import BODY, INVALID, NO_NODE, NOT_DISPOSABLE, STORE
from kato.service.wire.nodes import (
    LearnedEach,
    LearnWanted,
    NodeDeleted,
    NodePredictions,
    NodePredictWanted,
    NodesAnswer,
    NodeSettings,
    NodeSettingsAnswer,
    NodeStatistics,
    SequenceToLearn,
)
from kato.storage.ledger.operations import Operation

router = APIRouter(tags=["nodes"], route_class=RawPathRoute, responses={**STORE, **INVALID})

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]


@router.get("/nodes", response_model=NodesAnswer)
async def read_nodes(
    context: Ours,
    after: Annotated[str | None, Query(description="What the page before says is next.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Nodes in a page.")] = 100,
) -> Response:
    """The nodes something was learned into, by name."""
    names = await context.call(context.memory.knowledge_bases)
    first = 0 if after is None else bisect_right(names, after)
    page = names[first : first + limit]
    following = page[-1] if first + limit < len(names) else None
    nodes = [{"node_id": name, "label": context.label(name)} for name in page]
    return answered({"nodes": nodes, "next": following})


@router.get("/nodes/{node}", response_model=NodeStatistics, responses=NO_NODE)
async def read_node(node: str, context: Ours) -> Response:
    """What a node holds."""
    kb = context.memory.knowledge_base(node)
    await check_exists(node, context)
    held = msgspec.structs.asdict(await context.call(kb.stats))
    return answered({"node_id": node, "label": context.label(node), **held})


@router.delete(
    "/nodes/{node}", response_model=NodeDeleted, responses={**BODY, **NO_NODE, **NOT_DISPOSABLE}
)
async def delete_node(node: str, context: Ours, operation: Once) -> Response:
    """Forget a node with all it holds; its sessions live on, and begin it anew when they learn.

    It must be marked disposable (`PUT /nodes/{node}/settings`), and it can be undone for a while.
    """
    await check_disposable(node, context, unless_missing=True)
    await context.call(context.memory.forget_knowledge_base, node, operation=operation)
    return answered({"status": "deleted", "node_id": node})


@router.post("/nodes/{node}/learn", response_model=LearnedEach, responses=BODY)
async def learn(node: str, wanted: LearnWanted, context: Ours, operation: Once) -> Response:
    """Learn sequences without a session; one that cannot be used hinders none of the others."""
    kb = context.memory.knowledge_base(node)
    parsed = [_parsed(each) for each in wanted.sequences]
    examples = [each for each in parsed if isinstance(each, Example)]
    check_events([event for example in examples for event in example.events], context)
    placed = iter(await context.call(kb.learn_each, examples, operation=operation))
    results = [next(placed) if isinstance(each, Example) else each for each in parsed]
    context.events.patterns_learned(node, [each.name for each in results if each.error is None])
    return answered({"results": [_result(each) for each in results], "node_id": node})


@router.post("/nodes/{node}/predictions", response_model=NodePredictions, responses=BODY)
async def predict(node: str, wanted: NodePredictWanted, context: Ours) -> Response:
    """Predict from the events that are given, without a session; nothing is changed."""
    check_events(wanted.events, context)
    kb = context.memory.knowledge_base(node)
    config = SessionConfig().updated(**changes_of(wanted.config))
    found = await context.predict(kb.predict_with, wanted.events, config, explain=wanted.explain)
    answer: dict[str, Any] = {
        "predictions": found.predictions,
        "future_potentials": found.future_potentials,
        "count": len(found.predictions),
        "node_id": node,
    }
    if wanted.explain:
        answer["explanation"] = found.explanation
    return answered(answer)


@router.get("/nodes/{node}/settings", response_model=NodeSettingsAnswer)
async def read_settings(node: str, context: Ours) -> Response:
    """What was settled about a node, which need not be there yet."""
    disposable = await context.call(context.memory.is_disposable, node)
    return answered({"node_id": node, "disposable": disposable})


@router.put("/nodes/{node}/settings", response_model=NodeSettingsAnswer, responses=BODY)
async def write_settings(node: str, wanted: NodeSettings, context: Ours) -> Response:
    """Settle whether a node may be dropped; nothing needs to be learned into it yet."""
    await context.call(context.memory.mark, node, disposable=wanted.disposable)
    return answered({"node_id": node, "disposable": wanted.disposable})


async def check_disposable(node: str, context: Context, *, unless_missing: bool = False) -> None:
    """Refuse to drop a node that is not marked.

    Args:
        node: The node.
        context: What the service runs on.
        unless_missing: Whether a node that is not there needs no mark.

    Raises:
        NotDisposable: It is not marked disposable.
    """
    memory = context.memory
    if await context.call(memory.is_disposable, node):
        return
    if unless_missing and not await context.call(memory.has_knowledge_base, node):
        return
    raise NotDisposable(
        f"node {node[:60]!a} is not marked disposable, nothing was dropped",
        remedy="if it may go: PUT /nodes/{node}/settings with disposable true,"
        " or kato mark NODE --disposable",
    )


async def check_exists(node: str, context: Context) -> None:
    """Refuse a node that there is none of.

    Raises:
        KnowledgeBaseNotFound: Nothing was learned into it.
    """
    if not await context.call(context.memory.has_knowledge_base, node):
        raise KnowledgeBaseNotFound(
            f"no node {node[:60]!a}", remedy="a node comes to be with its first pattern"
        )


def _parsed(given: Any) -> Example | Placed:
    """A sequence, or that it is none."""
    try:
        sequence = SequenceToLearn.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return Placed(None, error=InvalidInput(f"{place or 'the item'}: {first['msg']}"))
    return Example(sequence.events, sequence.emotives, sequence.metadata)


def _result(placed: Placed) -> dict[str, Any]:
    if placed.error is not None:
        return {"status": "error", "message": str(placed.error)}
    return {"status": "learned", "pattern_name": named(placed.name) or "", "new": placed.new}
