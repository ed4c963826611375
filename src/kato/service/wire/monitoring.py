"""What the service measures, on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Level = Literal["info", "warning", "critical", "urgent"]


class SessionTotals(BaseModel):
    """Sessions since the service started."""

    total_created: int
    total_deleted: int = Field(description="Ended by a request; those that expired are not in it.")
    active: int
    operations_total: int = Field(description="Events observed, learns, and predictions.")


class Performance(BaseModel):
    """Requests since the service started."""

    total_requests: int
    total_errors: int = Field(description="Answered with a status of 500 or more.")
    error_rate: float = Field(description="Errors by requests, 0 to 1.")
    average_response_time: float = Field(description="Seconds.")


class Resources(BaseModel):
    """What the machine is used, as of the last sample."""

    cpu_percent: float
    memory_percent: float
    disk_percent: float


class StoreTotals(BaseModel):
    """What was asked of a store since the service started."""

    operations: int
    errors: int
    avg_response_time: float = Field(description="Seconds.")


class Stores(BaseModel):
    """Both stores. There is no Qdrant, so nothing is ever asked of it."""

    clickhouse: StoreTotals
    qdrant: StoreTotals
    redis: StoreTotals


class Rates(BaseModel):
    """Over the last minute."""

    requests_per_second: float
    requests_per_minute: float
    errors_per_minute: float


class MetricsAnswer(BaseModel):
    """What was counted, over all workers."""

    timestamp: float = Field(description="s since 1970.")
    sessions: SessionTotals
    performance: Performance
    resources: Resources
    databases: Stores
    rates: Rates
    processor_manager: dict[str, Any]
    uptime_seconds: float | None = None
    active_sessions: int | None = None
    error: str | None = None


class DataPoint(BaseModel):
    """A value at a moment."""

    timestamp: float = Field(description="s since 1970.")
    value: float
    labels: dict[str, str]


class PointStatistics(BaseModel):
    """About the points that are told."""

    count: int
    min: float
    max: float
    avg: float


class SeriesAnswer(BaseModel):
    """How one value went."""

    metric_name: str
    time_range_minutes: int
    timestamp: float
    statistics: PointStatistics
    data_points: list[DataPoint]


class CurrentMetrics(BaseModel):
    """As of the last sample."""

    cpu_percent: float
    memory_percent: float
    error_rate_per_min: float


class CurrentStatus(BaseModel):
    """How the process fares."""

    status: Literal["healthy", "degraded", "unhealthy"]
    issues: list[str]
    metrics: CurrentMetrics
    timestamp: str


class Summary(BaseModel):
    """As `/metrics` tells it."""

    sessions: SessionTotals
    performance: Performance
    resources: Resources
    databases: Stores


class StatsAnswer(BaseModel):
    """How the values went, and where they are."""

    time_range_minutes: int
    timestamp: float
    processor_manager: dict[str, Any]
    current_status: CurrentStatus
    time_series: dict[str, list[DataPoint]]
    summary: Summary
    error: str | None = None


class Load(BaseModel):
    """Requests at once, in the worker that is asked."""

    concurrent_requests: int
    utilization_percent: float


class LoadLimits(BaseModel):
    """How many calls are worked on at once; more wait, and none is refused."""

    per_worker: int
    warning_threshold: int
    critical_threshold: int
    total_capacity: int


class LoadConfiguration(BaseModel):
    """How the service was started."""

    workers: int
    backlog: int = Field(description="Connections that wait to be accepted.")
    max_requests: int | None = Field(description="Null: workers are not restarted.")


class Recommendation(BaseModel):
    """What could be done."""

    level: Level
    message: str


class ConcurrencyAnswer(BaseModel):
    """How many requests there are at once, and were at the most."""

    status: Literal["healthy", "warning", "critical"]
    current: Load
    peak: Load
    limits: LoadLimits
    configuration: LoadConfiguration
    recommendations: list[Recommendation]
    timestamp: str


class StoreHealth(BaseModel):
    """Whether a store answers."""

    healthy: bool
    last_check: str
    error_count: int
    last_error: str | None = None
    response_time_ms: float | None = None


class ConnectionsAnswer(BaseModel):
    """The connections of the worker that is asked to both stores."""

    status: Literal["healthy", "degraded", "error"]
    health: dict[str, StoreHealth]
    pool_statistics: dict[str, dict[str, Any]]
    connection_optimization: dict[str, Any]
    performance_improvements: dict[str, str]
    error: str | None = None
    timestamp: str


class Disabled(BaseModel):
    """There is no such thing here."""

    status: Literal["disabled"]
    reason: str


class CacheHealth(BaseModel):
    """There is no cache; the ledger is told all the same."""

    status: Literal["disabled"]
    redis_connected: bool
    cache_stats: dict[str, Any]


class CacheAnswer(BaseModel):
    """There is no cache of patterns that could be out of date."""

    cache_performance: Disabled
    cache_health: CacheHealth
    timestamp: str


class InvalidatedAnswer(BaseModel):
    """Nothing was cached."""

    status: Literal["disabled"]
    patterns_invalidated: int
    symbols_invalidated: int
    session_id: str | None
    reason: str
    timestamp: str


class MirrorAnswer(BaseModel):
    """Short-term memory has no mirror: the ledger itself keeps it, for all workers."""

    status: Literal["disabled"]
    distributed_stm_enabled: bool
    reason: str
    timestamp: str
