"""Run the application: one process, or several that share servers."""

from __future__ import annotations

import logging
import os
import sys

import structlog
import uvicorn

from kato.settings import Settings

BACKLOG = 2048
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
