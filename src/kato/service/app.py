"""The application: routes, errors, and the memory behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from kato.market import extra
from kato.memory import Memory, open_memory
from kato.service.access import Access, authorised, keys_of
from kato.service.context import Context
from kato.service.failures import add_handlers
from kato.service.keys import KeyFile
from kato.service.measuring import Measuring
from kato.service.middleware import Bounds, Tracing
from kato.service.routes import (
    deprecated,
    knowledge,
    market,
    mirror,
    monitoring,
    nodes,
    patterns,
    predictions,
    root,
    sessions,
    short_term_memory,
    stream,
    transfer,
)
from kato.service.version import VERSION
from kato.service.wire.errors import REFUSED
from kato.settings import Settings

DESCRIPTION = """
A deterministic memory for sequences: sessions observe events of symbols, learn them as patterns
into the node they are on, and predict what comes next.
"""


FAMILIES = (
    root,
    sessions,
    short_term_memory,
    predictions,
    knowledge,
    mirror,
    nodes,
    patterns,
    transfer,
    monitoring,
    deprecated,
    stream,
)
"""Routes, in the order of the documents; those of the market come last, with their extra."""


class Application(FastAPI):
    """FastAPI's, whose document also says how a key is brought."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        document["security"] = [{}, {"bearer": []}, {"key": []}]  # none, unless the service asks
        return document


def create_app(settings: Settings | None = None, memory: Memory | None = None) -> FastAPI:
    """The application.

    Args:
        settings: In place of the environment's.
        memory: An open one, which stays open; else one is opened as the settings say, for as long
            as the application runs.

    Raises:
        InvalidConfig: The settings name a file of keys that cannot be read.
    """
    settings = settings or Settings.from_environment()
    keys = keys_of(settings)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        opened = memory or open_memory(settings=settings)
        try:
            app.state.context = context = Context(opened, settings)
            await context.call(opened.prepare)
            async with context.events.running(), context.watch.running(), aclosing(context):
                yield
        finally:
            if memory is None:
                opened.close()

    app = Application(
        title="KATO API",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=running,
        dependencies=[Depends(authorised)],
        responses=REFUSED,
    )
    for family in FAMILIES:
        app.include_router(family.router)
    if not extra.missing():
        app.include_router(market.router)
    add_handlers(app)
    _surround(app, settings, keys)
    return app


def _surround(app: FastAPI, settings: Settings, keys: KeyFile | None) -> None:
    """Put around every request what is done with it before and after; the last is the outermost."""
    app.add_middleware(Bounds, settings=settings)
    app.add_middleware(Access, keys=keys, rate=settings.requests_per_second)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
    )
    app.add_middleware(Tracing)
    app.add_middleware(Measuring)
