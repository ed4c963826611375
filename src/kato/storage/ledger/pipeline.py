"""Scripts asked for from an event loop: many under way at once over one connection.

A thread for each call costs a loop that is busy more than the call. And the ledger writes to disk
before it answers: what arrives together is written together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from typing import Any

import redis
from redis.exceptions import MovedError

from kato.storage.ledger.connection import Connection

ANSWER_SECONDS = 1.0
"""How long an answer may take before it is asked for by other means. Scripts take milliseconds."""

_BROKEN = (redis.RedisError, OSError, TimeoutError)


class Pipeline:
    """A connection to the ledger, used on one event loop.

    Args:
        connection: The ledger; what fails here is asked for there.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: _Open | None = None
        self._opening = asyncio.Lock()

    async def run(self, script: str, *arguments: Any) -> bytes | None:
        """Run a script that answers a repeat from its record.

        Returns:
            Its answer; None if there was none, or an error. Then ask the same of
            :meth:`Connection.run`, which carries nothing out twice and says what is wrong.
        """
        began, opened = perf_counter(), None
        try:
            opened = await self._opened()
            async with asyncio.timeout(ANSWER_SECONDS):
                shard = self._connection.shard
                return await opened.ask(self._connection.sha(script), 1, shard, *arguments)
        except MovedError:  # this connection is of no use any more
            await self._close(opened)
            return None
        except redis.ResponseError:
            return None
        except _BROKEN:
            await self._close(opened)
            return None
        finally:
            self._connection.traffic.took(perf_counter() - began)

    async def close(self) -> None:
        """Close the connection; it is opened again if it is needed."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.close()

    async def _close(self, opened: _Open | None) -> None:
        if opened is self._open:  # else another one is open by now
            await self.close()

    async def _opened(self) -> _Open:
        if self._open is not None:
            return self._open
        async with self._opening:
            if self._open is None:
                connection: Any = self._connection.servers.asynchronous()  # has no types
                async with asyncio.timeout(ANSWER_SECONDS):
                    await connection.connect()
                self._open = _Open(connection)
            return self._open


class _Open:
    """An open connection, and who waits for its answers."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._reader = asyncio.create_task(self._read())

    async def ask(self, *evaluated: Any) -> bytes:
        # A closed connection would be opened again by sending, and nobody would read the answer.
        if self._reader.done() or not self._connection.is_connected:
            raise redis.ConnectionError("the connection is closed")
        packed = self._connection.pack_command("EVALSHA", *evaluated)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        # Answers come in the order of the questions: nothing may be waited for between these two.
        self._waiting.append(answer)
        await self._connection.send_packed_command(packed, check_health=False)
        return await answer

    async def close(self) -> None:
        self._reader.cancel()
        await self._connection.disconnect(nowait=True)

    async def _read(self) -> None:
        try:
            while True:
                await self._read_one()
        except _BROKEN as error:
            self._fail(error)
        finally:
            self._fail(redis.ConnectionError("the connection was closed"))

    async def _read_one(self) -> None:
        try:
            answer = await self._connection.read_response(disconnect_on_error=False)
        except redis.ResponseError as refusal:
            self._settle(refusal)
        else:
            self._settle(answer)

    def _settle(self, answer: bytes | Exception) -> None:
        waiting = self._waiting.popleft()
        if waiting.done():  # nobody waits for it any more
            return
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        while self._waiting:
            self._settle(error)
