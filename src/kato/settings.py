"""Everything the environment decides, in one frozen object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_cache_path, user_data_path

from kato.errors import InvalidConfig

RecallPlan = Literal["auto", "index", "sql", "scan"]
RECALL_PLANS: tuple[RecallPlan, ...] = ("auto", "index", "sql", "scan")

PlainPart = Literal["recall", "kernels", "filters", "batches"]
PLAIN_PARTS: tuple[PlainPart, ...] = ("recall", "kernels", "filters", "batches")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment decides. Read it once with :meth:`from_environment`.

    Attributes:
        data_dir: Folder of the embedded stores (``KATO_DATA_DIR``).
        cache_dir: Folder of compiled kernels (``KATO_CACHE_DIR``); may be deleted at any time.
        clickhouse_url: ClickHouse server; the embedded engine if unset (``KATO_CLICKHOUSE_URL``).
        redis_url: Redis or Valkey server; an embedded one if unset (``KATO_REDIS_URL``).
        log_level: Least level that is logged (``KATO_LOG_LEVEL``).
        journal_limit_mb: MiB the journal may hold before learning is refused, 1 or more
            (``KATO_JOURNAL_LIMIT_MB``).
        flush_interval_ms: Longest time a learned pattern waits in the journal before it is
            written to ClickHouse, 1-60000 ms (``KATO_FLUSH_INTERVAL_MS``).
        recall_plan: How patterns are recalled (``KATO_RECALL_PLAN``): ``index`` by the recall index
            in memory, ``sql`` by postings in ClickHouse, ``scan`` by looking at every pattern;
            ``auto`` by the index, and by the postings where the index would take too much memory.
        recall_memory_mb: MiB the recall index may take in memory, 1 or more
            (``KATO_RECALL_MEMORY_MB``). A million patterns of 12 symbols take 110.
        plain: What plain, slow algorithms do in the place of the fast ones, names by commas or
            ``all`` (``KATO_PLAIN``): ``recall`` aligns every pattern, ``kernels`` uses no compiled
            code and so recalls plainly too, ``filters`` asks ClickHouse for each filter by itself,
            ``batches`` does one thing at a time.
        service_name: The end of the labels of nodes (``KATO_SERVICE_NAME``).
        session_ttl: Seconds a session of the service lives on after it was used, unless it says
            otherwise, 1 or more (``KATO_SESSION_TTL``).
        session_auto_extend: Whether use lets a session live on (``KATO_SESSION_AUTO_EXTEND``).
        cors_origins: Origins whose pages may call the service, ``*`` all (``KATO_CORS_ORIGINS``,
            by commas).
        max_body_mb: MiB of a request's body (``KATO_MAX_BODY_MB``).
        max_event_symbols: Symbols of an event that the service takes (``KATO_MAX_EVENT_SYMBOLS``).
        max_call_events: Events of a call that the service takes (``KATO_MAX_CALL_EVENTS``).
        api_keys_file: File of the keys that the service asks for, TOML if it ends in ``.toml``,
            else lines of JSON; without one it asks for none (``KATO_API_KEYS_FILE``).
        requests_per_second: Requests a second that a worker of the service takes of each key, or
            without keys of each client address; 0 is no limit (``KATO_REQUESTS_PER_SECOND``).
        kafka_bootstrap: ``host:port`` of brokers that are the log of market feeds, by commas; the
            ledger's server if unset (``KATO_KAFKA_BOOTSTRAP``).
        kafka_config: File with properties of the Kafka client, a ``name=value`` a line in the names
            of librdkafka: how to log in, certificates (``KATO_KAFKA_CONFIG``).
        kafka_engine: Whether ClickHouse reads the brokers by its own Kafka engine, and ingest what
            that carried; only a ClickHouse server can (``KATO_KAFKA_ENGINE``).
        kafka_partitions: Partitions of the topics that KATO makes (``KATO_KAFKA_PARTITIONS``).
        kafka_replication: Copies of each of their records, -1 as many as the brokers think right
            (``KATO_KAFKA_REPLICATION``).
        schema_registry_url: Registry of the schemas of normalized trades; without one they have
            the ids of those in the package (``KATO_SCHEMA_REGISTRY_URL``).
        market_log_limit_mb: MiB that a topic may hold in the ledger's server
            (``KATO_MARKET_LOG_LIMIT_MB``).

    >>> Settings.from_environment({"KATO_FLUSH_INTERVAL_MS": "50"}).flush_interval_ms
    50
    """

    data_dir: Path
    cache_dir: Path
    clickhouse_url: str | None = None
    redis_url: str | None = None
    log_level: str = "WARNING"
    journal_limit_mb: int = 512
    flush_interval_ms: int = 200
    recall_plan: RecallPlan = "auto"
    recall_memory_mb: int = 4096
    plain: tuple[PlainPart, ...] = ()
    service_name: str = "kato"
    session_ttl: int = 3600
    session_auto_extend: bool = True
    cors_origins: tuple[str, ...] = ("*",)
    max_body_mb: int = 16
    max_event_symbols: int = 10_000
    max_call_events: int = 10_000
    api_keys_file: Path | None = None
    requests_per_second: int = 0
    kafka_bootstrap: str | None = None
    kafka_config: Path | None = None
    kafka_engine: bool = False
    kafka_partitions: int = 8
    kafka_replication: int = -1
    schema_registry_url: str | None = None
    market_log_limit_mb: int = 256

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from ``environment`` (the process's own by default).

        Raises:
            InvalidConfig: A variable holds a value that cannot be used.
        """
        env = os.environ if environment is None else environment
        return cls(
            data_dir=Path(env.get("KATO_DATA_DIR") or user_data_path("kato")),
            cache_dir=Path(env.get("KATO_CACHE_DIR") or user_cache_path("kato")),
            clickhouse_url=env.get("KATO_CLICKHOUSE_URL") or None,
            redis_url=env.get("KATO_REDIS_URL") or None,
            log_level=_log_level(env.get("KATO_LOG_LEVEL") or "WARNING"),
            journal_limit_mb=_integer(env, "KATO_JOURNAL_LIMIT_MB", 512, 1, 1 << 20),
            flush_interval_ms=_integer(env, "KATO_FLUSH_INTERVAL_MS", 200, 1, 60_000),
            recall_plan=_recall_plan(env.get("KATO_RECALL_PLAN") or "auto"),
            recall_memory_mb=_integer(env, "KATO_RECALL_MEMORY_MB", 4096, 1, 1 << 20),
            plain=_plain(env.get("KATO_PLAIN") or ""),
            service_name=env.get("KATO_SERVICE_NAME") or "kato",
            session_ttl=_integer(env, "KATO_SESSION_TTL", 3600, 1, 1 << 31),
            session_auto_extend=_boolean(env, "KATO_SESSION_AUTO_EXTEND", default=True),
            cors_origins=tuple((env.get("KATO_CORS_ORIGINS") or "*").split(",")),
            max_body_mb=_integer(env, "KATO_MAX_BODY_MB", 16, 1, 1 << 20),
            max_event_symbols=_integer(env, "KATO_MAX_EVENT_SYMBOLS", 10_000, 1, 1 << 31),
            max_call_events=_integer(env, "KATO_MAX_CALL_EVENTS", 10_000, 1, 1 << 31),
            api_keys_file=Path(keys) if (keys := env.get("KATO_API_KEYS_FILE")) else None,
            requests_per_second=_integer(env, "KATO_REQUESTS_PER_SECOND", 0, 0, 1 << 20),
            kafka_bootstrap=env.get("KATO_KAFKA_BOOTSTRAP") or None,
            kafka_config=Path(file) if (file := env.get("KATO_KAFKA_CONFIG")) else None,
            kafka_engine=_boolean(env, "KATO_KAFKA_ENGINE", default=False),
            kafka_partitions=_integer(env, "KATO_KAFKA_PARTITIONS", 8, 1, 10_000),
            kafka_replication=_integer(env, "KATO_KAFKA_REPLICATION", -1, -1, 100),
            schema_registry_url=env.get("KATO_SCHEMA_REGISTRY_URL") or None,
            market_log_limit_mb=_integer(env, "KATO_MARKET_LOG_LIMIT_MB", 256, 1, 1 << 20),
        )


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise InvalidConfig({name: f"must be an integer, got {text!r}"}) from None
    if not low <= value <= high:
        raise InvalidConfig({name: f"must be between {low} and {high}, got {value}"})
    return value


def _boolean(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = env.get(name)
    if not text:
        return default
    if text.lower() not in ("true", "false", "1", "0"):
        raise InvalidConfig({name: f"must be true or false, got {text!r}"})
    return text.lower() in ("true", "1")


def _recall_plan(text: str) -> RecallPlan:
    for plan in RECALL_PLANS:
        if plan == text.lower():
            return plan
    names = ", ".join(RECALL_PLANS)
    raise InvalidConfig({"KATO_RECALL_PLAN": f"must be one of {names}, got {text!r}"})


def _plain(text: str) -> tuple[PlainPart, ...]:
    named = {name for part in text.lower().split(",") if (name := part.strip())}
    if strange := sorted(named - {*PLAIN_PARTS, "all"}):
        names = ", ".join(PLAIN_PARTS)
        raise InvalidConfig({"KATO_PLAIN": f"must name {names} or all, got {strange[0]!r}"})
    return tuple(part for part in PLAIN_PARTS if part in named or "all" in named)


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise InvalidConfig({"KATO_LOG_LEVEL": f"no such level: {text!r}"})
    return level
