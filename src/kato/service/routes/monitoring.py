"""What the service measures."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics

from kato.service.accepting import OPENMETRICS, best_of
from kato.service.context import BACKLOG, CALLS_AT_ONCE, Context, context_of
from kato.service.json import answered
from kato.service.measures import Reading
from kato.service.routes.root import processors
from kato.service.series import Point, last_minutes
from kato.service.times import now
from kato.service.watching import ASK_SECONDS, STORES, in_time, operations
from kato.service.wire.errors import INVALID, Detail, Responses
from kato.service.wire.monitoring import (
    CacheAnswer,
    ConcurrencyAnswer,
    ConnectionsAnswer,
    InvalidatedAnswer,
    MetricsAnswer,
    MirrorAnswer,
    SeriesAnswer,
    StatsAnswer,
)

router = APIRouter(tags=["monitoring"])

Ours = Annotated[Context, Depends(context_of)]

LONGEST_MINUTES = 10_000_000
Minutes = Annotated[
    int, Query(ge=0, le=LONGEST_MINUTES, description="How far back; points reach three hours.")
]

SERIES = (
    "kato_cpu_usage_percent",
    "kato_memory_usage_percent",
    "kato_memory_usage_bytes",
    "kato_disk_usage_percent",
    "load_average_1m",
    "kato_requests_total",
    "kato_request_duration_seconds",
    "kato_errors_total",
    "sessions_created",
    "sessions_deleted",
    "session_operations",
    *(
        f"{store}_{value}"
        for store in ("clickhouse", "qdrant", "redis")
        for value in ("operations", "response_time", "errors")
    ),
)
"""The series that ``/stats`` tells; those of Qdrant, which there is none of, have no points."""

WARNING, CRITICAL = 0.8, 0.95
"""Shares of the calls at once from which on there are too many."""

NO_CACHE = "nothing is cached that could be out of date"
NO_MIRROR = "the ledger keeps short-term memory itself, for all workers"

TEXTS: Responses = {
    200: {
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            OPENMETRICS: {"schema": {"type": "string"}},
        }
    }
}
NO_DATA: Responses = {404: {"model": Detail, "description": "There are no points."}}


@router.get("/metrics", response_model=MetricsAnswer, responses=TEXTS)
async def read_metrics(request: Request, context: Ours) -> Response:
    """What was counted, over all workers; as Prometheus reads it if `Accept` prefers text."""
    await context.watch.refresh()
    kind = best_of(request.headers.get("accept", ""))
    if kind == "application/json":
        return answered(await _metrics(context))
    registry = context.measures.registry()
    if kind == OPENMETRICS:
        encode: Any = openmetrics.generate_latest  # has no types
        body = encode(registry)
        return Response(body, media_type=openmetrics.CONTENT_TYPE_LATEST)
    body = exposition.generate_latest(registry)
    return Response(body, media_type=exposition.CONTENT_TYPE_PLAIN_0_0_4)


@router.get("/metrics/{metric_name}", response_model=SeriesAnswer, responses={**NO_DATA, **INVALID})
async def read_series(metric_name: str, context: Ours, minutes: Minutes = 10) -> Response:
    """How one value went, by a point each ten seconds."""
    points = context.watch.series.since(metric_name, last_minutes(minutes))
    if not points:
        raise HTTPException(
            404, f"No data available for metric '{metric_name}' in the last {minutes} minutes"
        )
    return answered(
        {
            "metric_name": metric_name,
            "time_range_minutes": minutes,
            "timestamp": time.time(),
            "statistics": _statistics(points),
            "data_points": points,
        }
    )


@router.get("/stats", response_model=StatsAnswer, responses=INVALID)
async def read_stats(context: Ours, minutes: Minutes = 10) -> Response:
    """How the values went, and where they are."""
    watch, since = context.watch, last_minutes(minutes)
    condition = watch.condition()
    told = await _metrics(context)
    parts = ("sessions", "performance", "resources", "databases")
    return answered(
        {
            "time_range_minutes": minutes,
            "timestamp": time.time(),
            "processor_manager": told["processor_manager"],
            "current_status": {
                "status": condition.status,
                "issues": condition.issues,
                "metrics": {
                    "cpu_percent": watch.host.cpu_percent,
                    "memory_percent": watch.host.memory_percent,
                    "error_rate_per_min": watch.errors_per_minute(),
                },
                "timestamp": now(),
            },
            "time_series": {name: watch.series.since(name, since) for name in SERIES},
            "summary": {part: told[part] for part in parts},
            "error": told["error"],
        }
    )


@router.get("/concurrency", response_model=ConcurrencyAnswer)
async def read_concurrency(context: Ours) -> Response:
    """How many requests the worker that is asked has at once, this one included."""
    flight, workers = context.flight, int(os.environ.get("WEB_CONCURRENCY") or 1)
    share = flight.now / CALLS_AT_ONCE
    status = "critical" if share >= CRITICAL else "warning" if share >= WARNING else "healthy"
    return answered(
        {
            "status": status,
            "current": _load(flight.now),
            "peak": _load(flight.peak),
            "limits": {
                "per_worker": CALLS_AT_ONCE,
                "warning_threshold": int(CALLS_AT_ONCE * WARNING),
                "critical_threshold": int(CALLS_AT_ONCE * CRITICAL),
                "total_capacity": CALLS_AT_ONCE * workers,
            },
            "configuration": {"workers": workers, "backlog": BACKLOG, "max_requests": None},
            "recommendations": _recommended(status, flight.peak),
            "timestamp": now(),
        }
    )


@router.get("/connection-pools", response_model=ConnectionsAnswer)
async def read_connections(context: Ours) -> Response:
    """Whether the stores answer, and how many connections there are to them."""
    health = {shown: await _health(context, store) for store, shown in STORES.items()}
    in_use, there = context.memory.vitals.ledger_connections()
    healthy = all(each["healthy"] for each in health.values())
    return answered(
        {
            "status": "healthy" if healthy else "degraded",
            "health": health,
            "pool_statistics": {"redis": {"in_use": in_use, "open": there}},
            "connection_optimization": {},
            "performance_improvements": {},
            "timestamp": now(),
        }
    )


@router.get("/cache/stats", response_model=CacheAnswer)
async def read_cache(context: Ours) -> Response:
    """That nothing is cached."""
    connected = await _milliseconds(context, "ledger") is not None
    return answered(
        {
            "cache_performance": {"status": "disabled", "reason": NO_CACHE},
            "cache_health": {
                "status": "disabled",
                "redis_connected": connected,
                "cache_stats": {},
            },
            "timestamp": now(),
        }
    )


@router.post("/cache/invalidate", response_model=InvalidatedAnswer, responses=INVALID)
async def invalidate_cache(
    session_id: Annotated[str | None, Query(description="Not used, told again.")] = None,
) -> Response:
    """Nothing is cached, so nothing is dropped."""
    return answered(
        {
            "status": "disabled",
            "patterns_invalidated": 0,
            "symbols_invalidated": 0,
            "session_id": session_id,
            "reason": NO_CACHE,
            "timestamp": now(),
        }
    )


@router.get("/distributed-stm/stats", response_model=MirrorAnswer)
async def read_mirror() -> Response:
    """That short-term memory needs no mirror."""
    return answered(
        {
            "status": "disabled",
            "distributed_stm_enabled": False,
            "reason": NO_MIRROR,
            "timestamp": now(),
        }
    )


async def _metrics(context: Context) -> dict[str, Any]:
    reading, watch = context.measures.reading(), context.watch
    nodes, error = await _nodes(context)
    active = int(reading.total("kato_sessions_alive"))
    return {
        "timestamp": time.time(),
        "sessions": {
            "total_created": int(reading.total("kato_sessions_created_total")),
            "total_deleted": int(reading.total("kato_sessions_deleted_total")),
            "active": active,
            "operations_total": int(operations(reading)),
        },
        "performance": _performance(reading),
        "resources": {
            "cpu_percent": watch.host.cpu_percent,
            "memory_percent": watch.host.memory_percent,
            "disk_percent": watch.host.disk_percent,
        },
        "databases": {
            "clickhouse": _store(reading, "clickhouse"),
            "qdrant": {"operations": 0, "errors": 0, "avg_response_time": 0.0},
            "redis": _store(reading, "ledger"),
        },
        "rates": {
            "requests_per_second": watch.series.rate("kato_requests_total", 60),
            "requests_per_minute": watch.series.rate("kato_requests_total", 60) * 60,
            "errors_per_minute": watch.errors_per_minute(),
        },
        "processor_manager": processors(nodes, context.settings.session_ttl),
        "uptime_seconds": context.uptime,
        "active_sessions": active,
        "error": error,
    }


async def _nodes(context: Context) -> tuple[int, str | None]:
    """How many nodes there are, or why that is not known."""
    names = await in_time(lambda: context.call(context.memory.knowledge_bases))
    if names is None:
        return 0, f"the ledger did not answer within {ASK_SECONDS:.0f} s"
    return len(names), None


def _performance(reading: Reading) -> dict[str, float]:
    requests, errors = reading.total("kato_requests_total"), reading.failed_requests()
    seconds = reading.total("kato_request_seconds_sum")
    return {
        "total_requests": int(requests),
        "total_errors": int(errors),
        "error_rate": errors / requests if requests else 0.0,
        "average_response_time": seconds / requests if requests else 0.0,
    }


def _store(reading: Reading, store: str) -> dict[str, float]:
    asked = reading.total("kato_store_operations_total", store=store)
    seconds = reading.total("kato_store_seconds_total", store=store)
    return {
        "operations": int(asked),
        "errors": int(reading.total("kato_store_errors_total", store=store)),
        "avg_response_time": seconds / asked if asked else 0.0,
    }


def _statistics(points: list[Point]) -> dict[str, float]:
    values = [point.value for point in points]
    return {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "avg": sum(values) / len(values),
    }


def _load(requests: int) -> dict[str, float]:
    percent = round(100 * requests / CALLS_AT_ONCE, 2)
    return {"concurrent_requests": requests, "utilization_percent": percent}


def _recommended(status: str, peak: int) -> list[dict[str, str]]:
    if status != "healthy":
        message = "requests wait for each other; serve with more workers"
        return [{"level": "critical" if status == "critical" else "warning", "message": message}]
    if peak >= CALLS_AT_ONCE * WARNING:
        message = "there were times of more requests than one worker takes at once"
        return [{"level": "info", "message": message}]
    return []


async def _health(context: Context, store: str) -> dict[str, Any]:
    took = await _milliseconds(context, store)
    traffic = context.memory.vitals.traffic()[store]
    return {
        "healthy": took is not None,
        "last_check": now(),
        "error_count": traffic.errors,
        "last_error": traffic.last_error or None,
        "response_time_ms": took,
    }


async def _milliseconds(context: Context, store: str) -> float | None:
    """How long a store takes to answer; None if it does not."""
    began = time.perf_counter()

    def asked() -> float:
        context.memory.ask(store)
        return round((time.perf_counter() - began) * 1000, 3)

    return await in_time(lambda: anyio.to_thread.run_sync(asked, abandon_on_cancel=True))
