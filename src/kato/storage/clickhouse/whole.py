"""Answers of a ClickHouse server that are cut off within their headers are refused.

Python's ``http.client`` takes the end of a connection for the end of the headers. What is left of
such an answer has the status 200 and an empty body: no rows, and no error. A whole one says how
long it is, or that it comes in chunks, of which the last is marked; if it says neither, the line
was cut before it could.
"""

from __future__ import annotations

from typing import Any

from urllib3.exceptions import ProtocolError


def only_whole_answers(client: Any) -> None:
    """Let a client of ``clickhouse_connect`` refuse answers whose headers were cut off."""
    client.http = _Pool(client.http)


class _Pool:
    """The client's pool of connections, which looks at the headers of what it is answered."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def request(self, method: str, url: str, **options: Any) -> Any:
        answer = self._pool.request(method, url, **options)
        is_chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if not is_chunked and "Content-Length" not in answer.headers:
            answer.close()
            raise ProtocolError("the answer was cut off within its headers")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)
