"""What old clients may still ask for; it never held anything."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from kato.service.context import Context, context_of
from kato.service.nodes import node_of
from kato.service.wire.errors import INVALID

router = APIRouter(tags=["deprecated"], deprecated=True, responses=INVALID)

Ours = Annotated[Context, Depends(context_of)]
Node = Annotated[str, Depends(node_of)]

WARNING = "This endpoint knows no session; use /sessions/{session_id}/ instead"


class EmptyPercept(BaseModel):
    """Nothing."""

    percept_data: dict[str, Any]
    node_id: str
    warning: str


class EmptyCognition(BaseModel):
    """Nothing."""

    cognition_data: dict[str, Any]
    node_id: str
    warning: str


@router.get("/percept-data")
async def read_percept(context: Ours, node: Node) -> EmptyPercept:
    """Nothing: a percept belongs to a session."""
    return EmptyPercept(percept_data={}, node_id=context.label(node), warning=WARNING)


@router.get("/cognition-data")
async def read_cognition(context: Ours, node: Node) -> EmptyCognition:
    """Nothing: cognition belongs to a session."""
    data = {
        "predictions": [],
        "emotives": {},
        "symbols": [],
        "command": "",
        "metadata": {},
        "path": [],
        "strings": [],
        "vectors": [],
        "short_term_memory": [],
    }
    return EmptyCognition(cognition_data=data, node_id=context.label(node), warning=WARNING)
