"""Patterns and symbols of a node, as old clients read them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from kato.errors import PatternNotFound
from kato.model.naming import bare_name
from kato.model.statistics import SymbolStatistics
from kato.service import paths
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.nodes import node_of
from kato.service.wire.errors import INVALID, STORE
from kato.service.wire.knowledge import (
    AffinitiesAnswer,
    AffinityAnswer,
    PatternAnswer,
    SymbolsAnswer,
)

paths.register()
router = APIRouter(tags=["knowledge"], responses={**STORE, **INVALID})

Ours = Annotated[Context, Depends(context_of)]
Node = Annotated[str, Depends(node_of)]


@router.get("/pattern/{pattern_id}", response_model=PatternAnswer)
async def read_pattern(pattern_id: str, context: Ours, node: Node) -> Response:
    """A pattern by its name, with or without `PTRN|`; that there is none is no failure here."""
    kb = context.memory.knowledge_base(node)
    try:
        pattern = await context.call(kb.get, pattern_id)
    except PatternNotFound:
        missing = {"status": "error", "message": f"Pattern {bare_name(pattern_id)} not found"}
        return answered({"pattern": missing, "node_id": context.label(node)})
    data = {
        "name": f"PTRN|{pattern.name}",
        "pattern_data": pattern.events,
        "length": pattern.length,
        "frequency": pattern.frequency,
        "emotives": pattern.emotives,
        "metadata": pattern.metadata,
    }
    found = {"status": "okay", "pattern": data}
    return answered({"pattern": found, "node_id": context.label(node)})


@router.get("/symbols/stats", response_model=SymbolsAnswer)
async def read_symbols(context: Ours, node: Node) -> Response:
    """How often each symbol was learned, and in how many patterns it is."""
    symbols = {
        each.name: {
            "name": each.name,
            "frequency": each.frequency,
            "pattern_member_frequency": each.pattern_member_frequency,
        }
        for each in await symbols_of(context, node)
    }
    return answered({"symbols": symbols, "node_id": context.label(node)})


@router.get("/symbols/affinity", response_model=AffinitiesAnswer)
async def read_affinities(context: Ours, node: Node) -> Response:
    """What was felt with each symbol."""
    found = await symbols_of(context, node)
    affinities: dict[str, Any] = {each.name: each.affinity for each in found if each.affinity}
    return answered({"affinities": affinities, "node_id": context.label(node)})


@router.get("/symbols/{symbol:text}/affinity", response_model=AffinityAnswer)
async def read_affinity(symbol: str, context: Ours, node: Node) -> Response:
    """What was felt with one symbol; it may hold anything, slashes too."""
    kb = context.memory.knowledge_base(node)
    affinity = await context.call(kb.affinity, symbol)
    return answered({"symbol": symbol, "affinity": affinity, "node_id": context.label(node)})


async def symbols_of(context: Context, node: str) -> list[SymbolStatistics]:
    """All symbols of a node."""
    kb = context.memory.knowledge_base(node)
    return await context.predict(lambda: list(kb.symbols()))
