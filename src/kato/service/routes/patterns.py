"""Patterns of a node: listed, counted, searched, edited and forgotten."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from kato.model.naming import bare_name
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.operations import operation_of
from kato.service.raw_paths import RawPathRoute
from kato.service.wire.errors import BODY, INVALID, NO_PATTERN, STORE
from kato.service.wire.patterns import (
    CountAnswer,
    PatternDeleted,
    PatternEdit,
    PatternsAnswer,
    PatternShown,
)
from kato.storage.ledger.operations import Operation

router = APIRouter(
    prefix="/nodes/{node}/patterns",
    tags=["patterns"],
    route_class=RawPathRoute,
    responses={**STORE, **INVALID},
)

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]


async def search_of(
    symbol: Annotated[str | None, Query(description="A symbol they hold.")] = None,
    prefix: Annotated[str | None, Query(description="What their name begins with.")] = None,
    metadata_key: Annotated[str | None, Query(description="A key they carry ...")] = None,
    metadata_value: Annotated[str | None, Query(description="... with this value.")] = None,
) -> dict[str, Any]:
    """What patterns are searched by."""
    if (metadata_key is None) != (metadata_value is None):
        raise HTTPException(422, "metadata_key and metadata_value are given together")
    metadata = None if metadata_key is None else {metadata_key: metadata_value}
    return {"symbol": symbol, "prefix": prefix, "metadata": metadata}


Wanted = Annotated[dict[str, Any], Depends(search_of)]
MOVED: dict[int | str, dict[str, Any]] = {409: BODY[409]}


@router.get("", response_model=PatternsAnswer, responses=MOVED)
async def read_patterns(
    node: str,
    context: Ours,
    wanted: Wanted,
    after: Annotated[str | None, Query(description="What the page before says is next.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Patterns in a page.")] = 100,
) -> Response:
    """A page of patterns, in the order they were first learned; all that is given must fit."""
    kb = context.memory.knowledge_base(node)
    page = await context.predict(kb.patterns, **wanted, after=after, limit=limit)
    return answered({"patterns": page.patterns, "next": page.next})


@router.get("/count", response_model=CountAnswer, responses=MOVED)
async def count_patterns(node: str, context: Ours, wanted: Wanted) -> Response:
    """How many patterns there are; all that is given must fit."""
    kb = context.memory.knowledge_base(node)
    return answered({"count": await context.predict(kb.count, **wanted)})


@router.get("/{name}", response_model=PatternShown, responses=NO_PATTERN)
async def read_pattern(node: str, name: str, context: Ours) -> Response:
    """A pattern by its name, with or without `PTRN|`."""
    kb = context.memory.knowledge_base(node)
    return answered(await context.call(kb.get, name))


@router.patch("/{name}", response_model=PatternShown, responses={**BODY, **NO_PATTERN})
async def edit_pattern(
    node: str, name: str, edit: PatternEdit, context: Ours, operation: Once
) -> Response:
    """Change what a pattern carries, and every counter with it; its events stay."""
    kb = context.memory.knowledge_base(node)
    edited = await context.call(
        kb.edit,
        name,
        frequency=edit.frequency,
        emotives=edit.emotives,
        metadata=edit.metadata,
        operation=operation,
    )
    return answered(edited)


@router.delete("/{name}", response_model=PatternDeleted, responses={**BODY, **NO_PATTERN})
async def forget_pattern(node: str, name: str, context: Ours, operation: Once) -> Response:
    """Forget a pattern: it and its share of every counter are gone."""
    kb = context.memory.knowledge_base(node)
    await context.call(kb.forget, name, operation=operation)
    return answered({"status": "deleted", "name": bare_name(name)})
