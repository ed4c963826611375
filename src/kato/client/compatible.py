"""The client that users of KATO 3 know: same constructor, same methods, answers as they come."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import msgspec

from kato.client.address import Address
from kato.client.call import Call, Steps, ask, changing, path_of, reading
from kato.client.running import RETRIES
from kato.client.sync import Connection
from kato.errors import SessionNotFound
from kato.model.config import SessionConfig

Json = dict[str, Any]

_read: Callable[[bytes], Json] = msgspec.json.Decoder(Json).decode
_DEFAULTS = SessionConfig()


class KATOClient:
    """One client, one node, one session: ``spec/api.md`` 12.1. New code takes :func:`connect`.

    Args:
        base_url: Where the service is.
        node_id: The node.
        timeout: Seconds an answer may take.
        metadata: Anything about the session.
        ttl_seconds: Seconds the session lives on after it was used; the service decides if None.
        max_pattern_length: Key of the configuration.
        persistence: Key of the configuration.
        recall_threshold: Key of the configuration.
        stm_mode: Key of the configuration.
        indexer_type: Key of the configuration.
        max_predictions: Key of the configuration.
        sort_symbols: Key of the configuration.
        process_predictions: Key of the configuration.
        auto_recreate_session: Whether a session that is gone is made again, with a warning: its
            short-term memory is lost. Without it, that is an error.
        max_session_recreate_attempts: How often one call may do so.
        api_key: Key of the service, if it wants one.

    Raises:
        InvalidConfig: A configuration value cannot be used.
        ServiceUnavailable: No service answers there.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as it always was
        self,
        base_url: str = "http://localhost:8000",
        node_id: str | None = None,
        timeout: float = 120,
        metadata: Mapping[str, Any] | None = None,
        ttl_seconds: int | None = None,
        max_pattern_length: int = 0,
        persistence: int = 5,
        recall_threshold: float = 0.1,
        stm_mode: str = "CLEAR",
        indexer_type: str = "VI",
        max_predictions: int = 100,
        sort_symbols: bool = True,
        process_predictions: bool = True,
        auto_recreate_session: bool = True,
        max_session_recreate_attempts: int = 3,
        *,
        api_key: str | None = None,
    ) -> None:
        if not node_id:
            raise ValueError("node_id is required")
        given = {
            "max_pattern_length": max_pattern_length,
            "persistence": persistence,
            "recall_threshold": recall_threshold,
            "stm_mode": stm_mode,
            "indexer_type": indexer_type,
            "max_predictions": max_predictions,
            "sort_symbols": sort_symbols,
            "process_predictions": process_predictions,
        }
        self.base_url = base_url.rstrip("/")
        self.node_id = node_id
        self.timeout = timeout
        self.session_config = {
            key: value for key, value in given.items() if value != getattr(_DEFAULTS, key)
        }
        self.session_metadata = dict(metadata or {})
        self.ttl_seconds = ttl_seconds
        self.auto_recreate_session = auto_recreate_session
        self.max_session_recreate_attempts = max_session_recreate_attempts
        self._link = Connection(Address.of(base_url, api_key), timeout, RETRIES)
        try:
            self.session_id = self._opened()
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session, and let go of the connections."""
        try:
            self._run(changing("DELETE", self._path(), _read, missing=SessionNotFound))
        except SessionNotFound:
            pass  # it expired
        finally:
            self._link.close()

    def get_root_info(self) -> Json:
        """``GET /``."""
        return self._run(reading("/", _read))

    def health_check(self) -> Json:
        """``GET /health``."""
        return self._run(reading("/health", _read))

    def get_status(self) -> Json:
        """``GET /status``."""
        return self._run(reading("/status", _read))

    def get_session_info(self) -> Json:
        """``GET /sessions/{id}``."""
        return self._reading()

    def get_session_config(self) -> Json:
        """``GET /sessions/{id}/config``."""
        return self._reading("config")

    def update_session_config(self, config: Mapping[str, Any]) -> Json:
        """``POST /sessions/{id}/config``; a session made again has these keys too."""
        answer = self._changing("config", body={"config": dict(config)})
        self.session_config |= config
        return answer

    def extend_session(self, ttl_seconds: int = 3600) -> Json:
        """``POST /sessions/{id}/extend``."""
        return self._changing("extend", query={"ttl_seconds": str(ttl_seconds)})

    def check_session_exists(self) -> Json:
        """``GET /sessions/{id}/exists``."""
        return self._run(reading(self._path("exists"), _read))

    def observe(
        self,
        strings: Sequence[str] | None = None,
        vectors: Sequence[Sequence[float]] | None = None,
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Json:
        """``POST /sessions/{id}/observe``."""
        body = {
            "strings": strings or [],
            "vectors": vectors or [],
            "emotives": emotives or {},
            "metadata": metadata or {},
        }
        return self._changing("observe", body=body)

    def observe_sequence(
        self,
        observations: Sequence[Mapping[str, Any]],
        learn_after_each: bool = False,
        learn_at_end: bool = False,
        clear_stm_between: bool = False,
    ) -> Json:
        """``POST /sessions/{id}/observe-sequence``."""
        body = {
            "observations": observations,
            "learn_after_each": learn_after_each,
            "learn_at_end": learn_at_end,
            "clear_stm_between": clear_stm_between,
        }
        return self._changing("observe-sequence", body=body)

    def get_stm(self) -> Json:
        """``GET /sessions/{id}/stm``."""
        return self._reading("stm")

    def clear_stm(self) -> Json:
        """``POST /sessions/{id}/clear-stm``."""
        return self._changing("clear-stm")

    def learn(self) -> Json:
        """``POST /sessions/{id}/learn``."""
        return self._changing("learn")

    def finalize_training(self) -> Json:
        """``POST /sessions/{id}/finalize-training``."""
        return self._changing("finalize-training")

    def get_predictions(self) -> Json:
        """``GET /sessions/{id}/predictions``."""
        return self._reading("predictions")

    def get_percept_data(self) -> Json:
        """``GET /sessions/{id}/percept-data``."""
        return self._reading("percept-data")

    def get_cognition_data(self) -> Json:
        """``GET /sessions/{id}/cognition-data``."""
        return self._reading("cognition-data")

    def get_pattern(self, pattern_id: str) -> Json:
        """``GET /pattern/{pattern_id}``."""
        path = path_of("pattern", pattern_id)
        return self._run(reading(path, _read, query={"node_id": self.node_id}))

    def get_cache_stats(self) -> Json:
        """``GET /cache/stats``."""
        return self._run(reading("/cache/stats", _read))

    def invalidate_cache(self, session_id: str | None = None) -> Json:
        """``POST /cache/invalidate``."""
        query = {} if session_id is None else {"session_id": session_id}
        return self._run(changing("POST", "/cache/invalidate", _read, query=query))

    def get_distributed_stm_stats(self) -> Json:
        """``GET /distributed-stm/stats``."""
        return self._run(reading("/distributed-stm/stats", _read))

    def get_metrics(self) -> Json:
        """``GET /metrics``."""
        return self._run(reading("/metrics", _read))

    def get_stats(self, minutes: int = 10) -> Json:
        """``GET /stats``."""
        return self._run(reading("/stats", _read, query={"minutes": str(minutes)}))

    def get_metric_history(self, metric_name: str, minutes: int = 10) -> Json:
        """``GET /metrics/{metric_name}``."""
        path = path_of("metrics", metric_name)
        return self._run(reading(path, _read, query={"minutes": str(minutes)}))

    def get_connection_pools_status(self) -> Json:
        """``GET /connection-pools``."""
        return self._run(reading("/connection-pools", _read))

    def _reading(self, *parts: str) -> Json:
        return self._in_session(lambda: reading(self._path(*parts), _read, missing=SessionNotFound))

    def _changing(
        self, part: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Json:
        return self._in_session(
            lambda: changing(
                "POST", self._path(part), _read, query=query, body=body, missing=SessionNotFound
            )
        )

    def _in_session(self, call: Callable[[], Call[Json]]) -> Json:
        """Carry out a call, if need be in a session that takes the place of one that is gone."""
        left = self.max_session_recreate_attempts if self.auto_recreate_session else 0
        while True:
            try:
                return self._run(call())
            except SessionNotFound:
                if not left:
                    raise
            left -= 1
            self._recreate()

    def _recreate(self) -> None:
        gone, self.session_id = self.session_id, self._opened()
        warnings.warn(
            f"session {gone} expired or was deleted, and with it its short-term memory; "
            f"{self.session_id} takes its place",
            stacklevel=5,
        )

    def _opened(self) -> str:
        return self._link.run(self._opening())

    def _opening(self) -> Steps[str]:
        wanted = {
            "node_id": self.node_id,
            "metadata": self.session_metadata,
            "ttl_seconds": self.ttl_seconds,
            "config": self.session_config,
        }
        answer = yield from ask(changing("POST", "/sessions", _read, body=wanted))
        return str(answer["session_id"])

    def _run(self, call: Call[Json]) -> Json:
        return self._link.run(ask(call))

    def _path(self, *parts: str) -> str:
        return path_of("sessions", self.session_id, *parts)
