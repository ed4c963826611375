"""The proxy before stores, on a unix socket: what it is told to do to requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.faults import DELAY_SECONDS, FaultProxy

from kato.errors import StoreUnavailable
from kato.storage.embedded.valkey import EmbeddedValkey, runtime_folder
from kato.storage.ledger.connection import Connection


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultProxy, Connection]]:
    with ExitStack() as stack:
        server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
        stack.callback(server.stop)
        short = stack.enter_context(TemporaryDirectory(dir=runtime_folder()))
        proxy = stack.enter_context(FaultProxy(f"unix://{server.socket}", Path(short)))
        connection = Connection.to_url(proxy.url)
        stack.callback(connection.close)
        yield proxy, connection


def test_a_request_arrives_twice(way: tuple[FaultProxy, Connection]) -> None:
    proxy, connection = way
    with proxy.failing("twice", times=1):
        assert connection.command("INCR", "number") == 2
    assert connection.command("INCR", "number") == 3


def test_a_lost_answer_is_to_a_request_that_arrived(way: tuple[FaultProxy, Connection]) -> None:
    proxy, connection = way
    with proxy.failing("lost", times=1):
        assert connection.command("RPUSH", "list", "a") == 2  # it was sent again
    with proxy.failing("reset", times=1):
        assert connection.command("RPUSH", "list", "a") == 3  # the first never arrived


def test_an_answer_is_late(way: tuple[FaultProxy, Connection]) -> None:
    proxy, connection = way
    began = time.monotonic()
    with proxy.failing("delay", times=1):
        connection.command("PING")
    assert time.monotonic() - began >= DELAY_SECONDS


def test_nobody_is_let_in(way: tuple[FaultProxy, Connection]) -> None:
    proxy, connection = way
    with proxy.failing("refused"), pytest.raises(StoreUnavailable):
        connection.command("PING")
    assert connection.command("PING")
