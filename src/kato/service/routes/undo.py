"""Undo: what was cleared or forgotten, given back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from kato.memory import Undoable
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.operations import operation_of
from kato.service.raw_paths import RawPathRoute
from kato.service.wire.errors import BODY, INVALID, NOT_FOUND, STORE
from kato.service.wire.undo import UndoableAnswer, UndoAnswer
from kato.storage.ledger.operations import Operation

router = APIRouter(tags=["nodes"], route_class=RawPathRoute, responses={**STORE, **INVALID})

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]


@router.get("/undo", response_model=UndoableAnswer)
async def read_all(context: Ours) -> Response:
    """What can be undone in all nodes, the last change first; at most 1000."""
    return _listed(await context.call(context.memory.undoable))


@router.get("/nodes/{node}/undo", response_model=UndoableAnswer)
async def read(node: str, context: Ours) -> Response:
    """What can be undone in a node, the last change first; at most 1000."""
    return _listed(await context.call(context.memory.knowledge_base(node).undoable))


@router.post("/nodes/{node}/undo", response_model=UndoAnswer, responses={**BODY, **NOT_FOUND})
async def undo(
    node: str,
    context: Ours,
    operation: Once,
    replace: Annotated[
        bool, Query(description="Whether what was learned since gives way, instead of a 409.")
    ] = False,
) -> Response:
    """Give back what a node lost last, just as it was; asked again, what it lost before that."""
    undone = await context.call(context.memory.undo, node, replace=replace, operation=operation)
    return answered({"status": "undone", **_told(undone)})


def _listed(changes: list[Undoable]) -> Response:
    return answered({"changes": [_told(change) for change in changes]})


def _told(change: Undoable) -> dict[str, Any]:
    told = msgspec.structs.asdict(change)
    return {"node_id": told.pop("knowledge_base"), **told}
