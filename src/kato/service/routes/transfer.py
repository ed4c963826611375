"""Nodes as streams: everything out, and in again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from kato.memory.exporting import Format
from kato.memory.importing import Importing, Lines, Tally, parquet_rows
from kato.memory.searching import LARGEST_PAGE, PatternPage
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.operations import identity_of
from kato.service.raw_paths import RawPathRoute
from kato.service.routes.nodes import check_disposable, check_exists
from kato.service.transfer import MEDIA, exported, spool
from kato.service.wire.errors import BODY, INVALID, NO_NODE, NOT_DISPOSABLE, STORE
from kato.service.wire.patterns import ImportAnswer
from kato.storage.ledger.operations import Operation

router = APIRouter(tags=["nodes"], route_class=RawPathRoute, responses={**STORE, **INVALID})

Ours = Annotated[Context, Depends(context_of)]
Identity = Annotated[str | None, Depends(identity_of)]
Kind = Annotated[Format, Query(alias="format", description="A pattern a line, or a row.")]

_STREAM = {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA.values()}


@router.get(
    "/nodes/{node}/export",
    response_class=StreamingResponse,
    responses={200: {"description": "The patterns.", "content": _STREAM}, **NO_NODE},
)
async def export_node(node: str, context: Ours, kind: Kind = "ndjson") -> Response:
    """All patterns of a node, with all they carry but the vectors behind their symbols.

    A stream that does not end well is cut off.
    """
    kb = context.memory.knowledge_base(node)
    await check_exists(node, context)

    async def page(after: str | None) -> PatternPage:
        return await context.predict(kb.patterns, after=after, limit=LARGEST_PAGE)

    stream = exported(page, kind)
    first = await anext(stream)  # what fails at once has a status of its own
    return StreamingResponse(_rejoined(first, stream), media_type=MEDIA[kind])


async def importing_of(node: str, request: Request, context: Ours, identity: Identity) -> Importing:
    """An import into a node; its steps are told apart by what they bring."""
    kb = context.memory.knowledge_base(node)
    if identity is None:
        return Importing(kb, Operation())
    asked = f"{request.method} {request.url.path}?{request.url.query}"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return Importing(kb, Operation.repeatable(identity, digest))


@router.post(
    "/nodes/{node}/import",
    response_model=ImportAnswer,
    responses={**BODY, **NOT_DISPOSABLE},
    openapi_extra={"requestBody": {"required": True, "content": _STREAM}},
)
async def import_node(
    importing: Annotated[Importing, Depends(importing_of)],
    request: Request,
    context: Ours,
    kind: Kind = "ndjson",
    mode: Annotated[
        Literal["merge", "replace"],
        Query(
            description="Whether the node is cleared first; it must be marked disposable for that."
        ),
    ] = "merge",
) -> Response:
    """Put in what an export gave; of any size.

    A pattern that is not known becomes what its row says; to one that is known the row is added. A
    row that cannot be used hinders none. What came before a failure stays: the same body again
    under the same `Idempotency-Key` takes up where it ended.
    """
    if mode == "replace":
        await check_disposable(importing.node, context)
        await context.call(importing.replace)
    take = _take_lines if kind == "ndjson" else _take_parquet
    await take(request, context, importing)
    tally: Tally = await context.predict(importing.end)
    return answered({"status": "completed", "node_id": importing.node, **_told(tally)})


def _told(tally: Tally) -> dict[str, Any]:
    """What is told of an import, as :class:`ImportAnswer` has it."""
    counted = msgspec.structs.asdict(tally).items()
    return {name: value for name, value in counted if name in ImportAnswer.model_fields}


async def _take_lines(request: Request, context: Context, importing: Importing) -> None:
    lines = Lines(context.settings.max_body_mb << 20)
    async for part in request.stream():
        await context.predict(_take, importing, lines, part)
    await context.predict(lambda: importing.take(lines.end()))


def _take(importing: Importing, lines: Lines, part: bytes) -> None:
    importing.take(lines.rows(part))


async def _take_parquet(request: Request, context: Context, importing: Importing) -> None:
    with spool() as file:
        async for part in request.stream():
            await context.call(file.write, part)
        await context.predict(lambda: importing.take(parquet_rows(file)))


async def _rejoined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    yield first
    async for part in rest:
        yield part
