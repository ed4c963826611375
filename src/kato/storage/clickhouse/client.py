"""A ClickHouse that can be asked: the engine in this process, or a server by URL.

Limits of the engine in the process (chDB 4.4, ClickHouse 26.9), measured:

* One process per path, and one path per process at a time.
* Statements on one connection wait for each other; a second connection in the same process does
  not, so the writer has one of its own.
* A statement costs 0.5 ms; there is no asynchronous client (use threads).
* A read that fails after its first block leaves that block on the connection, and the next answer
  begins with it. Any statement that succeeds takes it away, so one is run after every failure, and
  nobody else's statement comes between the two.
* A start opens files of ``/proc`` for each of its threads and never closes some 25 of them, so a
  process can open and close a memory as often as its limit of open files allows. The limit is
  raised to what the system lets it be: 1,024, the usual one, would be 40 times.
* A table that is made on a full disk leaves an empty definition behind, and a database that holds
  one is never opened again, so the engine is only started with some space left.
"""

from __future__ import annotations

import resource
import shutil
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn, Self

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from kato.errors import StoreFull, StoreUnavailable
from kato.storage.clickhouse.meter import count_answer
from kato.storage.clickhouse.whole import only_whole_answers
from kato.storage.traffic import Traffic

DATABASE = "kato"

# One fixed path for every batch: the same rows in the same order in one block under one token are
# recognised when they come again.
_INSERT_SETTINGS = {
    "max_insert_threads": 1,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert": 0,
    "max_insert_block_size": 1 << 24,
    "min_insert_block_size_rows": 0,
    "min_insert_block_size_bytes": 0,
    # What is replayed from long ago lies in many days, each a partition.
    "max_partitions_per_insert_block": 0,
}

CONNECT_SECONDS = 5
"""How long a server may take to accept a connection."""

ANSWER_SECONDS = 30
"""How long a server may say nothing. At work on a long statement it says so every 25 s, by a header
that the client asks for. By the client's own default, one that is gone without having closed its
connections would be waited for five minutes."""

STREAM_BYTES = 1 << 20
"""Bytes of a part of a streamed answer."""

LEAST_FREE = 8 << 20
"""Bytes the engine in this process must have free to be started."""

_NO_SPACE = (243, 252)  # NOT_ENOUGH_SPACE; TOO_MANY_PARTS is what a full disk ends in


class ClickHouse:
    """One connection to a database of ClickHouse.

    Args:
        options: What ``clickhouse_connect.get_client`` needs to connect.
        traffic: Counts what is asked, with other connections.

    Attributes:
        traffic: As given, or its own.

    Raises:
        StoreUnavailable: It cannot be reached or opened.
    """

    def __init__(self, options: Mapping[str, Any], traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self._options = dict(options)
        self._embedded = self._options.get("interface") == "chdb"
        self._turn: AbstractContextManager[Any] = (
            threading.Lock() if self._embedded else nullcontext()
        )
        try:
            self._client = clickhouse_connect.get_client(**self._options)
            self._client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}", use_database=False)
            self._client.database = DATABASE
            if not self._embedded:
                only_whole_answers(self._client)
        except (ClickHouseError, HTTPError, OSError) as error:
            _fail(error)

    @classmethod
    def embedded(cls, path: Path) -> Self:
        """The engine in this process, its data under ``path``, a folder.

        Raises:
            StoreFull: There is too little space to start it.
        """
        free = shutil.disk_usage(path).free
        if free < LEAST_FREE:
            raise StoreFull(
                f"no space for ClickHouse: {free >> 10} kB are free for {path}",
                remedy=f"free at least {LEAST_FREE >> 20} MB",
            )
        _allow_open_files()
        return cls({"interface": "chdb", "path": str(path)})

    @classmethod
    def at(cls, url: str) -> Self:
        """A server: ``http://user:password@host:8123``."""
        # A session would let only one statement run at a time.
        return cls(
            {
                "dsn": url,
                "autogenerate_session_id": False,
                "connect_timeout": CONNECT_SECONDS,
                "send_receive_timeout": ANSWER_SECONDS,
            }
        )

    def another(self) -> Self:
        """A second connection, whose statements do not wait for this one's."""
        return type(self)(self._options, self.traffic)

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """The answer to a statement as a list of tuples."""
        client, values = self._client, dict(parameters or {})
        answer = self._asked(lambda: client.query(statement, values))
        count_answer()
        return list(answer.result_rows)

    def native(self, statement: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """The answer to a statement in ClickHouse's Native format."""
        client, values = self._client, dict(parameters or {})
        answer: bytes = self._asked(lambda: client.raw_query(statement, values, fmt="Native"))
        count_answer(len(answer))
        return answer

    @contextmanager
    def streamed(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The answer to a statement in Native format, part by part.

        Nothing else is asked on this connection meanwhile. A server keeps the answer until it is
        whole: of one that fails in the middle not a part is told, which a stream could not say.
        """
        client: Any = self._client
        values, whole = dict(parameters or {}), {"wait_end_of_query": 1}
        with self._turn:
            try:
                with closing(
                    client.raw_stream(statement, values, settings=whole, fmt="Native")
                ) as answer:
                    yield iter(partial(answer.read, STREAM_BYTES), b"")
            except (ClickHouseError, HTTPError) as error:
                self.traffic.failed(str(error))
                self._clean()
                _fail(error)

    def insert_native(
        self, table: str, columns: Sequence[str], parts: Generator[bytes, None, None]
    ) -> None:
        """Insert rows in Native format, part by part; they are not known again when sent twice."""
        settings = {**_INSERT_SETTINGS, "insert_deduplicate": 0, "max_insert_block_size": 1 << 20}
        client, names = self._client, list(columns)
        self._asked(lambda: client.raw_insert(table, names, parts, settings=settings, fmt="Native"))

    def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Carry out a statement that answers nothing."""
        client, values = self._client, dict(parameters or {})
        self._asked(lambda: client.command(statement, values))

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Insert the rows as one block; the same token again inserts nothing."""
        if not rows.num_rows:
            return
        client, settings = self._client, {**_INSERT_SETTINGS, "insert_deduplication_token": token}
        self._asked(lambda: client.insert_arrow(table, rows.combine_chunks(), settings=settings))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        with self._turn:
            began = perf_counter()
            try:
                return ask()
            except (ClickHouseError, HTTPError, OSError) as error:
                self.traffic.failed(str(error))
                self._clean()
                _fail(error)
            finally:
                self.traffic.took(perf_counter() - began)

    def _clean(self) -> None:
        """Take away what chDB keeps of a failed answer; the first failure is the one to tell."""
        if self._embedded:
            with suppress(Exception):
                self._client.command("SELECT 1")

    def close(self) -> None:
        """Close the connection; the engine ends with its last one."""
        self._client.close()


def _allow_open_files() -> None:
    """Raise the limit of open files to the highest the system allows this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names a limit it does not allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _fail(error: Exception) -> NoReturn:
    text = str(error)
    if getattr(error, "code", None) in _NO_SPACE or "No space left" in text:
        raise StoreFull(f"ClickHouse has no space: {text}", remedy="free disk space") from error
    raise StoreUnavailable(
        f"ClickHouse failed: {text}", remedy="see whether it runs and what its log says"
    ) from error
