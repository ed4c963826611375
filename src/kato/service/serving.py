"""Run the application: one process, or several that share servers."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import structlog
import uvicorn

from kato.settings import Settings

BACKLOG = 2048
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which workers count together; prometheus-client reads it when imported."""

SHUTDOWN_SECONDS = 30
"""How long requests that run may take to end when the service is to stop."""


def run(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until the process is told to stop.

    Args:
        settings: As the environment says; worker processes read it anew.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        workers: Processes.
    """
    configure_logs(settings.log_level)
    os.environ["WEB_CONCURRENCY"] = str(workers)  # so that workers know how many they are
    with _shared_measures() if workers > 1 else nullcontext():
        _serve(host, port, workers)


@contextmanager
def _shared_measures() -> Iterator[None]:
    """A folder in which workers count together, as long as they run."""
    with tempfile.TemporaryDirectory(prefix="kato-measures-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def _serve(host: str, port: int, workers: int) -> None:
    uvicorn.run(
        "kato.service.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def configure_logs(level: str) -> None:
    """Log lines of JSON to standard error, each with the trace id of its request."""
    least = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(least, logging.INFO), stream=sys.stderr, format=_FORMAT)


_FORMAT = f"%(asctime)s {os.getpid()} %(levelname)s %(name)s %(message)s"
