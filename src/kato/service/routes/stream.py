"""Events over WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from kato.errors import KatoError
from kato.service.context import Context
from kato.service.events import KINDS
from kato.service.times import now

router = APIRouter()

TRY_AGAIN_LATER = 1013
"""RFC 6455's successors: the server cannot keep up with, or for, this client."""


@router.websocket("/ws/events")
async def stream(socket: WebSocket) -> None:
    """Events of every worker, see :data:`kato.service.events.KINDS`.

    A client that says ``{"subscribe": ["pattern.learned"]}`` gets those alone; ``ping`` is answered
    with ``pong``. Before it says anything it gets what old clients know: sessions that begin and
    end.
    """
    context: Context = socket.app.state.context
    await socket.accept()
    wanted = {"session.created", "session.destroyed"}
    async with context.events.listening() as queue:
        await socket.send_text(await _snapshot(context))
        sending = asyncio.create_task(_send(socket, queue, wanted))
        try:
            while True:
                await _heard(socket, await socket.receive_text(), wanted)
        except (WebSocketDisconnect, KeyError):  # KeyError: a frame of bytes instead of text
            pass
        finally:
            sending.cancel()


async def _heard(socket: WebSocket, text: str, wanted: set[str]) -> None:
    if text == "ping":
        await socket.send_text("pong")
        return
    kinds = _subscription(text)
    if kinds is not None:
        wanted.clear()
        wanted.update(kinds)
        await socket.send_text(_event("subscribed", {"events": sorted(kinds)}))


def _subscription(text: str) -> set[str] | None:
    """The kinds a client asks for; None if it asks for nothing that can be told."""
    try:
        asked = msgspec.json.decode(text, type=dict[str, list[str]])
    except (msgspec.DecodeError, RecursionError):
        return None
    kinds = asked.get("subscribe")
    return None if kinds is None else set(kinds) & set(KINDS)


async def _send(socket: WebSocket, queue: asyncio.Queue[bytes | None], wanted: set[str]) -> None:
    while (events := await queue.get()) is not None:
        for event in msgspec.json.decode(events, type=list[dict[str, Any]]):
            if event["event_type"] in wanted:
                await socket.send_text(msgspec.json.encode(event).decode())
    await socket.close(TRY_AGAIN_LATER, "events were taken too slowly")


async def _snapshot(context: Context) -> str:
    try:
        sessions: int | None = await context.call(context.memory.sessions.count)
    except KatoError:
        sessions = None
    status = "healthy" if sessions is not None else "degraded"
    return _event("state.snapshot", {"active_sessions": sessions, "system_status": status})


def _event(kind: str, data: dict[str, Any]) -> str:
    event = {"event_type": kind, "timestamp": now(), "data": data}
    return msgspec.json.encode(event).decode()
