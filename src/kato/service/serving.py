"""Run the application: one process, or several that share servers."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NoReturn

import httpx
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from kato.errors import InvalidConfig
from kato.market.ingest.running import ingesting
from kato.memory import open_memory
from kato.service.app import create_app
from kato.service.context import BACKLOG
from kato.service.measures import FOLDER
from kato.settings import Settings

SHUTDOWN_SECONDS = 30
"""How long requests that run may take to end when the service is to stop."""

HUNG_SECONDS = 60
"""After how long without a sign a worker process is killed and replaced.

uvicorn's 5 seconds begin with the process, so on a busy machine they killed workers that were still
importing, or had just taken their first connection.
"""

Ready = Callable[[str], None]


def run(  # noqa: PLR0913 - each is a choice of its own
    settings: Settings, host: str, port: int, workers: int, ready: Ready, *, market: bool = False
) -> None:
    """Serve until the process is told to stop.

    Args:
        settings: As the environment says; worker processes read it anew.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        workers: Processes.
        ready: Is given the URL once it is answered there.
        market: Whether one process alone also ingests what feeds write to the log.

    Raises:
        InvalidConfig: Nobody can listen there.
        StoreError: A store does not start.
    """
    _prepare_process(settings)
    os.environ["WEB_CONCURRENCY"] = str(workers)  # so that workers know how many they are
    with listening_on(host, port) as listening, suppress(KeyboardInterrupt):
        url = url_of(listening)
        if workers > 1:
            _run_workers(listening, workers, lambda: ready(url))
        else:
            _run_here(settings, listening, url, ready, market=market)


def listening_on(host: str, port: int) -> socket.socket:
    """A socket there.

    Raises:
        InvalidConfig: It cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        place = f"{host}:{port}"
        raise InvalidConfig({"--port": f"cannot listen on {place}: {error.strerror}"}) from error


def url_of(listening: socket.socket) -> str:
    """Where a client on this machine finds it.

    >>> with listening_on("0.0.0.0", 0) as listening:
    ...     url_of(listening).rpartition(":")[0]
    'http://127.0.0.1'
    """
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to here
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run_here(
    settings: Settings, listening: socket.socket, url: str, ready: Ready, *, market: bool
) -> None:
    # uvicorn ends in the signal that ended it: without this, it would kill an open memory.
    signal.signal(signal.SIGTERM, _exit)
    with ExitStack() as opened:
        memory = opened.enter_context(open_memory(settings=settings))
        if market:
            opened.enter_context(ingesting(memory, settings))

        def serves() -> None:
            memory.announce(url)
            ready(url)

        config = _configuration(create_app(settings, memory))
        _Server(config, serves).run(sockets=[listening])


def _run_workers(listening: socket.socket, workers: int, serves: Callable[[], None]) -> None:
    config = _configuration("kato.service.serving:worker_app", factory=True, workers=workers)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)  # a worker that dies is told there
    asking = threading.Thread(target=_when_answered, args=(url_of(listening), serves), daemon=True)
    asking.start()
    with _shared_measures():
        Multiprocess(config, sockets=[listening]).run()


def worker_app() -> FastAPI:
    """The application of one of several worker processes, in which nothing is set up yet."""
    settings = Settings.from_environment()
    _prepare_process(settings)
    return create_app(settings)


def _prepare_process(settings: Settings) -> None:
    configure_logs(settings.log_level)
    # Measured: to look for cycles every 700 objects took an eighth of the time of an observation;
    # next to nothing of a request is in one.
    gc.set_threshold(50_000, 20, 20)


@contextmanager
def _shared_measures() -> Iterator[None]:
    """A folder in which workers count together, as long as they run."""
    with tempfile.TemporaryDirectory(prefix="kato-measures-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def _configuration(app: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_worker_healthcheck=HUNG_SECONDS,
        **more,
    )


class _Server(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config, serves: Callable[[], None]) -> None:
        super().__init__(config)
        self._serves = serves

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._serves()


def _when_answered(url: str, serves: Callable[[], None]) -> None:
    """Wait until a worker answers."""
    with httpx.Client(trust_env=False, timeout=2) as client:
        while True:
            with suppress(httpx.TransportError):
                if client.get(f"{url}/health").status_code == 200:
                    return serves()
            time.sleep(0.1)


def _exit(_signal: int, _frame: object) -> NoReturn:
    sys.exit(0)


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
