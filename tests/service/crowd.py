"""Many clients at once, each with a session of its own, and what they must leave behind."""

from __future__ import annotations

import asyncio
import time
from random import Random

import httpx
from tests.reference import ReferenceMemory, ReferenceSession

Steps = list[list[str] | None]
"""What a client did: events it observed, None where it learned."""

LEAST = 5
"""Steps of each client, on however busy a machine."""


async def crowd(url: str, node: str, clients: int, seconds: float) -> dict[str, Steps]:
    """Let clients observe, learn and predict for a while; answers what each did, by session."""
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        until = time.monotonic() + seconds
        tasks = [_member(client, node, number, until) for number in range(clients)]
        return dict(await asyncio.gather(*tasks))


async def _member(
    client: httpx.AsyncClient, node: str, number: int, until: float
) -> tuple[str, Steps]:
    chance, steps = Random(number), list[list[str] | None]()
    made = await client.post("/sessions", json={"node_id": node})
    session = made.raise_for_status().json()["session_id"]
    path = f"/sessions/{session}"
    while time.monotonic() < until or len(steps) < LEAST:
        event = [f"s{chance.randrange(40)}" for _ in range(chance.randint(1, 3))]
        observed = await client.post(f"{path}/observe", json={"strings": event})
        steps.append(event)
        assert observed.raise_for_status().json()["time"] == len([s for s in steps if s])
        if chance.random() < 0.2:
            (await client.post(f"{path}/learn")).raise_for_status()
            steps.append(None)
        if chance.random() < 0.2:
            (await client.get(f"{path}/predictions")).raise_for_status()
    return session, steps


def replayed(memory: ReferenceMemory, steps: Steps) -> ReferenceSession:
    """The same steps one after the other, in the reference."""
    session = ReferenceSession(memory)
    for step in steps:
        if step is None:
            session.learn()
        else:
            session.observe(step)
    return session


async def observed_at_once(url: str, session: str, times: int) -> list[int]:
    """Observe through one session at the same time; answers the times told."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def observe(number: int) -> int:
            body = {"strings": [str(number)]}
            answer = await client.post(f"/sessions/{session}/observe", json=body)
            told: int = answer.raise_for_status().json()["time"]
            return told

        return await asyncio.gather(*map(observe, range(times)))
