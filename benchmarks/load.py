"""A load generator for the service: open loop, so a slow answer does not slow the next request.

Latencies count from when a request was due, not from when a connection was free for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import uvloop

Request = tuple[str, str, bytes]
"""Method, path, body."""


class Outcome(msgspec.Struct):
    """What became of requests.

    Attributes:
        seconds: From the first request to the last answer.
        latencies: Of each answer, s.
        statuses: How many answers had which status.
    """

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    def figures(self) -> dict[str, Any]:
        """Rates, percentiles in ms, statuses."""
        percentiles = np.percentile(np.array(self.latencies) * 1000, [50, 95, 99, 100])
        names = ("p50", "p95", "p99", "max")
        return {
            "requests": len(self.latencies),
            "seconds": round(self.seconds, 2),
            "per_second": round(len(self.latencies) / self.seconds, 1),
            "ms": {n: round(float(v), 2) for n, v in zip(names, percentiles, strict=True)},
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


def open_loop(
    url: str, requests: Iterator[Request], rate: float, seconds: float, connections: int = 64
) -> Outcome:
    """Send so many requests a second, whatever the answers do."""
    count = int(rate * seconds)
    return uvloop.run(_run(url, requests, connections, count, lambda index: index / rate))


def closed_loop(
    url: str, requests: Iterator[Request], count: int, connections: int = 32
) -> Outcome:
    """Send requests over connections that are never idle: the service's saturation."""
    return uvloop.run(_run(url, requests, connections, count, None))


async def _run(
    url: str,
    requests: Iterator[Request],
    connections: int,
    count: int,
    due: Callable[[int], float] | None,
) -> Outcome:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    outcome = Outcome(0.0, [], {})
    waiting: asyncio.Queue[tuple[float, Request] | None] = asyncio.Queue(0 if due else 2)
    clients = [
        asyncio.create_task(_client(host, port, waiting, outcome)) for _ in range(connections)
    ]
    begin = time.perf_counter()
    for index in range(count):
        at = begin + due(index) if due else time.perf_counter()
        if due and (left := at - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        await waiting.put((at, next(requests)))
    for _ in clients:
        await waiting.put(None)
    await asyncio.gather(*clients)
    outcome.seconds = time.perf_counter() - begin
    return outcome


async def _client(
    host: str, port: int, waiting: asyncio.Queue[tuple[float, Request] | None], outcome: Outcome
) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 24)
    while (asked := await waiting.get()) is not None:
        at, (method, path, body) = asked
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        status = await _answer(reader)
        outcome.latencies.append(time.perf_counter() - at)
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    lengths = [line.split(":")[1] for line in head if line.lower().startswith("content-length")]
    await reader.readexactly(int(lengths[0]))
    return int(head[0].split(" ")[1])
