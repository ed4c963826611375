"""A ClickHouse HTTP endpoint over chDB: test support, so that the real client is used unmodified.

What a test on it proves is the transport: that statements, parameters, settings, sessions, Native
and Arrow blocks, compression and errors survive the way through `clickhouse_connect`'s HTTP client
and back. It proves nothing about a server: not its speed, its concurrency, its replication nor its
users. The engine behind it is chDB's, whose settings differ from a server's in a few places
(`SELECT * FROM system.settings WHERE changed`); the one that changes what parses,
`implicit_select`, is put back.

chDB opens one path per process, so the endpoint is a process of its own:

    python -m tests.support.clickhouse_http --path DIR --port 0

It prints one line of JSON with its port, listens on 127.0.0.1 only, and ends on SIGTERM or when its
stdin closes; a killed test run thus leaves no orphan. `ClickHouseHttpServer` starts, stops and
kills it.

Left out, with an error or a fallback the client knows: `client_protocol_version` (the client probes
and uses the plain Native format), external tables (code 48), `INSERT ... SELECT ... FROM input()`,
query parameters in an INSERT that carries data (code 48), TLS, roles, `KILL QUERY`. `readonly` in
the URL works without a session only: chDB cannot take it back from a connection.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import importlib
import json
import re
import secrets
import signal
import string
import subprocess
import sys
import threading
import time
import uuid
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import chdb

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from io import BufferedIOBase
    from types import TracebackType
    from typing import Self

# Whether chDB's functions count as typed depends on what else is installed beside it.
_connect: Any = chdb.connect

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]

# `http_max_uri_size` and `max_query_size` as a server has them.
MAX_URI = 1 << 20
MAX_STATEMENT = 1 << 18
SESSION_SECONDS = 60.0
STOP_SECONDS = 10

# exceptionCodeToHTTPStatus.cpp of ClickHouse; every code not named here is a 500.
_CODES_OF_STATUS = {
    400: (6, 25, 26, 27, 36, 38, 41, 53, 62, 72, 117, 321, 427, 675, 676),
    401: (194,),
    403: (192, 193, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336),
    408: (159,),
    413: (382,),
    501: (48,),
    503: (76, 209, 439),
}
STATUS_OF_CODE = {code: status for status, codes in _CODES_OF_STATUS.items() for code in codes}

# URL parameters the HTTP interface takes for itself; every other one is a setting of the engine.
_INTERFACE_PARAMETER = re.compile(
    "query|database|default_format|user|password|quota_key|query_id|role|stacktrace|compress"
    "|decompress|session_id|session_timeout|session_check|client_protocol_version"
    "|wait_end_of_query|buffer_size|param_.+"
)
# What chDB sets for itself and a server does not: with it every word is a statement.
SERVER_DEFAULTS = {"implicit_select": "0"}

# chDB gives each block of a streamed read as a whole of its format, so the chunks of these formats
# join to one answer. ArrowStream is joined by `_joined_arrow`; all others are materialised.
_ROW_FORMATS = ("Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow")
STREAMED_FORMATS = frozenset(name.lower() for name in (*_ROW_FORMATS, "ArrowStream"))
_STREAMED = re.compile(r"SELECT|WITH|FROM|\(")
_READING = re.compile(_STREAMED.pattern + "|SHOW|DESCRIBE|DESC|EXPLAIN|EXISTS|CHECK|KILL")
CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "json": "application/json; charset=UTF-8",
    "jsoneachrow": "application/json; charset=UTF-8",
    "native": "application/octet-stream",
    "arrowstream": "application/octet-stream",
}

_GAP = rb"(?:\s|--[^\n]*+|/\*.*?\*/)*+"
_QUOTED = (
    rb"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|`(?:[^`\\]|\\.)*+`"""
    rb"|\$(?P<tag>\w*+)\$.*?\$(?P=tag)\$"
)
_ATOM = rb"(?:" + _QUOTED + rb"|--[^\n]*|/\*.*?\*/)"
_FLAGS = re.IGNORECASE | re.DOTALL
_KEYWORD = re.compile(_GAP + rb"(\w+|\()", _FLAGS)
# An INSERT that carries its data: everything up to FORMAT, the format, and the blanks and the one
# line end that ClickHouse skips before the data.
_INSERT = re.compile(
    rb"(?P<into>" + _GAP + rb"INSERT\b"
    rb"(?:" + _ATOM + rb"|(?!\bVALUES\s*\(|\bSELECT\b(?!\s*[,)])).)*?)"
    rb"\bFORMAT\s+(?P<format>\w+)[ \t\f]*(?:\r?\n)?",
    _FLAGS,
)
_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^;]*)?[;\s]*\Z", re.IGNORECASE)
_SECOND_STATEMENT = re.compile(
    rb"(?:" + _ATOM + rb"|[^;'\"`$/-]|[$/-])*+;" + _GAP + rb"[^\s;]", _FLAGS
)
_ASSIGNED = re.compile(r"(\w+)\s*=")
_SETTING_NAME = re.compile(r"[A-Za-z_]\w*")


class ClickHouseFault(Exception):
    """An error as ClickHouse reports it: a numeric code, and a text that names code and symbol."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code
        self.text = text

    @classmethod
    def named(cls, code: int, name: str, text: str) -> Self:
        """Return the fault whose text is written as the engine writes its own."""
        return cls(code, f"Code: {code}. DB::Exception: {text} ({name})")

    @classmethod
    def from_engine(cls, error: Exception) -> Self:
        """Return the fault in an error of chDB, which puts words of its own before "Code: "."""
        text = str(error)
        match = re.search(r"Code: (\d+)\.", text)
        # 1002 is UNKNOWN_EXCEPTION.
        return cls(int(match[1]), text[match.start() :]) if match else cls(1002, text)

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse gives to this code."""
        return STATUS_OF_CODE.get(self.code, 500)


class BrokenBody(ConnectionError):
    """The client went away, or sent nonsense, before the end of its request."""


# --- codings ----------------------------------------------------------------------------


class _Encoder(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Lz4:
    """One LZ4 frame; the library wants its header asked for."""

    def __init__(self) -> None:
        self._frame: Any = _lz4.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes, /) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        return bytes(head + self._frame.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + bytes(self._frame.flush())


def _zstd_module() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return importlib.import_module(name)


# Both come with clickhouse-connect and have no types.
_lz4: Any = importlib.import_module("lz4.frame")
_zstd: Any = _zstd_module()

ENCODERS: dict[str, Callable[[], _Encoder]] = {
    "": _Plain,
    "lz4": _Lz4,
    "zstd": _zstd.ZstdCompressor,
    "gzip": lambda: zlib.compressobj(1, wbits=31),
    "deflate": lambda: zlib.compressobj(1, wbits=15),
}
DECODERS: dict[str, Callable[[], Any]] = {
    "lz4": _lz4.LZ4FrameDecompressor,
    "zstd": _zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
}


def _decoded(chunks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Yield the chunks decompressed; the client sends a frame per block, so many may follow."""
    if coding not in DECODERS:
        raise ClickHouseFault.named(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown coding {coding}")
    decoder = DECODERS[coding]()
    try:
        for chunk in chunks:
            left = chunk
            while left:
                decoder = DECODERS[coding]() if decoder.eof else decoder
                yield decoder.decompress(left)
                left = decoder.unused_data or b""
    except (zlib.error, RuntimeError, _zstd.ZstdError) as error:
        raise ClickHouseFault.named(271, "CANNOT_DECOMPRESS", str(error)) from error


def _joined_arrow(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield many whole Arrow streams as one: the first one's schema, all batches, one end mark.

    A message is a mark (4 bytes), the length of its metadata (4 bytes), the metadata and a body.
    The schema comes first and has no body; the end of a stream is a mark with the length 0.
    """
    end = b""
    for chunk in chunks:
        schema = 8 + int.from_bytes(chunk[4:8], "little") if end else 0
        end = chunk[-8:]
        yield chunk[schema:-8]
    yield end


# --- requests ---------------------------------------------------------------------------


def _chunked(stream: BufferedIOBase) -> Iterator[bytes]:
    """Yield the chunks of a body in chunked transfer coding, up to and with its trailer."""
    while size := _chunk_size(stream.readline()):
        yield _exactly(stream, size)
        stream.readline()
    while stream.readline().strip():
        pass


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError as error:
        raise BrokenBody(f"no chunk size in {line!r}") from error


def _sized(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    """Yield a body of known length in pieces."""
    while size:
        piece = _exactly(stream, min(size, 1 << 20))
        size -= len(piece)
        yield piece


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise BrokenBody(f"{size - len(data)} bytes missing")
    return data


def _form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """Return the fields of a multipart form, which the client sends when parameters are long."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    fields = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            raise ClickHouseFault.named(48, "NOT_IMPLEMENTED", "External tables are left out")
        name = re.search(rb'\bname="([^"]*)"', head)
        if name:
            fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields


@dataclass
class Request:
    """What one HTTP request asks of the engine."""

    fields: dict[str, str]
    body: Iterator[bytes]
    user: str
    password: str
    database: str
    default_format: str
    encoding: str
    readonly: bool
    query_id: str = field(default="")

    def __post_init__(self) -> None:
        self.query_id = self.fields.get("query_id") or str(uuid.uuid4())

    @property
    def parameters(self) -> dict[str, str]:
        """The values of the statement's `{name:Type}` places."""
        prefix = "param_"
        return {k.removeprefix(prefix): v for k, v in self.fields.items() if k.startswith(prefix)}

    @property
    def settings(self) -> dict[str, str]:
        """The engine settings of this request."""
        fields = self.fields.items()
        return {name: v for name, v in fields if not _INTERFACE_PARAMETER.fullmatch(name)}

    @property
    def waits(self) -> bool:
        """Whether the answer starts only when the statement has ended."""
        return self.fields.get("wait_end_of_query", "0") not in ("0", "false")

    def text(self) -> tuple[bytes, Iterator[bytes]]:
        """Return the start of the text, in which all but an INSERT's data is, and the rest.

        ClickHouse reads the URL's `query`, a line end and the body as one text.
        """
        query = self.fields.get("query", "").encode()
        head = query + b"\n" if query else b""
        for chunk in self.body:
            head += chunk
            if len(head) > MAX_STATEMENT:
                break
        return head, self.body


def _credentials(headers: Any, fields: dict[str, str]) -> tuple[str, str]:
    """Return user and password from whichever of the three places the client put them."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    user = headers.get("X-ClickHouse-User") or fields.get("user", "default")
    return user, headers.get("X-ClickHouse-Key") or fields.get("password", "")


def _accepted(header: str, fields: dict[str, str]) -> str:
    """Return the first coding the client accepts and the endpoint has, "" for none."""
    if fields.get("enable_http_compression", "0") in ("0", "false"):
        return ""
    offered = (part.split(";")[0].strip() for part in header.split(","))
    return next((name for name in offered if name in ENCODERS), "")


# --- the engine -------------------------------------------------------------------------


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


class Session:
    """One chDB connection: its temporary tables, its database, and the settings laid on it.

    A request's settings hold for that request. They stay on the connection and are taken back
    before the next one that does not repeat them, so a client that sends the same costs nothing.
    """

    def __init__(self, path: str):
        self._connection: Any = _connect(path)
        self._reading: Generator[bytes, None, None] | None = None
        self._own = dict(SERVER_DEFAULTS)
        self._laid: dict[str, str] = {}
        self._database = self._home = "default"
        self.lock = threading.Lock()
        self.expires = float("inf")
        self._set({name: _literal(value) for name, value in SERVER_DEFAULTS.items()})

    def close(self) -> None:
        """Let the connection go, with all that belongs to it."""
        self._connection.close()

    def prepare(self, database: str, settings: dict[str, str]) -> None:
        """Bring the connection to a request's database and settings."""
        self._use(database or self._home)
        wrong = next((name for name in settings if not _SETTING_NAME.fullmatch(name)), None)
        if wrong is not None:
            raise ClickHouseFault.named(115, "UNKNOWN_SETTING", f"Unknown setting '{wrong}'.")
        gone = {name: self._standing(name) for name in self._laid if name not in settings}
        new = {k: _literal(v) for k, v in settings.items() if self._laid.get(k) != v}
        self._set(gone | new)
        self._laid = dict(settings)

    def query(self, statement: bytes | str, form: str, parameters: dict[str, str]) -> Any:
        """Run a statement to its end.

        A statement of chDB 4.4 that fails after its first block leaves these blocks to the next
        answer on the connection, so after a failure one answer is thrown away.
        """
        try:
            with _faults():
                return self._connection.query(statement, form, params=parameters)
        except ClickHouseFault:
            self._connection.query("SELECT 1", "Null")
            raise

    def stream(self, statement: bytes, form: str, parameters: dict[str, str]) -> Iterator[bytes]:
        """Start a read, and return its blocks as they come, until `settle`."""
        self._reading = self._blocks(statement, form, parameters)
        return self._reading

    def settle(self) -> None:
        """End a read of which not all was taken: with it open the connection answers nothing."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _blocks(
        self, statement: bytes, form: str, parameters: dict[str, str]
    ) -> Generator[bytes, None, None]:
        with _faults():
            blocks = self._connection.send_query(statement, form, params=parameters)
            try:
                for block in blocks:
                    yield block.bytes()
            finally:
                blocks.close()

    def insert(self, into: str, form: str, chunks: Iterable[bytes]) -> Any:
        """Insert data as it comes in; nothing is committed when it breaks off."""
        with _faults(), self._connection.send_insert(into, form) as inserter:
            for chunk in filter(None, chunks):
                inserter.append(chunk)
            return inserter.finish()

    def learn(self, statement: str) -> None:
        """Take over as the session's own what a SET or USE of the user has just changed."""
        self._home = self._database = self.query("SELECT currentDatabase()", "TSVRaw", {}).data()[
            :-1
        ]
        for name in set(_ASSIGNED.findall(statement)):
            sql = "SELECT value FROM system.settings WHERE changed AND name = {name:String}"
            row = self.query(sql, "TSVRaw", {"name": name}).data()
            self._laid.pop(name, None)
            self._own.pop(name, None)
            self._own.update({name: row[:-1]} if row else {})

    def _standing(self, name: str) -> str:
        return _literal(self._own[name]) if name in self._own else "DEFAULT"

    def _set(self, values: dict[str, str]) -> None:
        if values:
            assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
            self.query(f"SET {assignments}", "Null", {})

    def _use(self, database: str) -> None:
        if database != self._database:
            self.query(f"USE {_identifier(database)}", "Null", {})
            self._database = database


@contextmanager
def _faults() -> Iterator[None]:
    """Turn chDB's errors, which are RuntimeErrors and its own kind, into faults."""
    try:
        yield
    except (RuntimeError, chdb.ChdbError) as error:
        raise ClickHouseFault.from_engine(error) from error


@dataclass
class Answer:
    """A statement's answer: blocks, their format (None: the statement has no result), figures."""

    chunks: Iterator[bytes]
    form: str | None = None
    summary: dict[str, int] | None = None


class Engine:
    """The chDB engine of this process, its one user and its sessions."""

    def __init__(self, path: str, user: str, password: str):
        self._path = path
        self._user = user
        self._password = password
        self._sessions: dict[str, Session] = {}
        self._sessions_lock = threading.Lock()
        # An engine ends with its last connection, so one is held.
        self._anchor = Session(path)
        row = self._anchor.query("SELECT version(), timezone()", "TSVRaw", {}).data()
        self.version, self.timezone = row.split()

    def close(self) -> None:
        """Close every connection, and with the last one the engine."""
        for session in (*self._sessions.values(), self._anchor):
            session.close()

    def admit(self, user: str, password: str) -> None:
        """Refuse everyone but the one user."""
        known = hmac.compare_digest(password.encode(), self._password.encode())
        if user != self._user or not known:
            reason = (
                f"{user}: Authentication failed: password is incorrect,"
                " or there is no user with such name."
            )
            raise ClickHouseFault.named(516, "AUTHENTICATION_FAILED", reason)

    @contextmanager
    def session(self, fields: dict[str, str]) -> Iterator[Session]:
        """Give the request's session, or one that ends with the request."""
        name = fields.get("session_id", "")
        if not name:
            session = Session(self._path)
            try:
                yield session
            finally:
                session.settle()
                session.close()
            return
        session = self._named_session(name, fields.get("session_check") == "1")
        try:
            yield session
        finally:
            session.settle()
            session.expires = time.monotonic() + float(
                fields.get("session_timeout", SESSION_SECONDS)
            )
            session.lock.release()

    def answer(self, session: Session, request: Request) -> Answer:
        """Run what the request asks for."""
        head, rest = request.text()
        insert = _INSERT.match(head)
        if insert and not request.readonly:
            data = chain([head[insert.end() :]], rest)
            return self._insert(session, request, insert, data)
        return self._statement(session, request, head + b"".join(rest))

    def _named_session(self, name: str, must_exist: bool) -> Session:
        with self._sessions_lock:
            self._expire()
            if name not in self._sessions:
                if must_exist:
                    raise ClickHouseFault.named(
                        372, "SESSION_NOT_FOUND", f"Session {name} not found"
                    )
                self._sessions[name] = Session(self._path)
            session = self._sessions[name]
            if not session.lock.acquire(blocking=False):
                reason = f"Session {name} is locked by a concurrent client"
                raise ClickHouseFault.named(373, "SESSION_IS_LOCKED", reason)
            return session

    def _expire(self) -> None:
        now = time.monotonic()
        for name, session in list(self._sessions.items()):
            if session.expires < now and not session.lock.locked():
                self._sessions.pop(name).close()

    @staticmethod
    def _insert(
        session: Session, request: Request, insert: re.Match[bytes], data: Iterable[bytes]
    ) -> Answer:
        if request.parameters:
            raise ClickHouseFault.named(48, "NOT_IMPLEMENTED", "Parameters in an INSERT with data")
        # Not through `query`: chDB would cut binary data at the first ";".
        into, form = insert["into"].decode(), insert["format"].decode()
        result = session.insert(into, form, data)
        written = {"written_rows": result.rows_written, "written_bytes": result.bytes_written}
        return Answer(iter(()), summary=written)

    def _statement(self, session: Session, request: Request, statement: bytes) -> Answer:
        keyword = _keyword(statement)
        _refuse(statement, keyword, request.readonly)
        form = _format(statement) or request.default_format
        streams = _STREAMED.fullmatch(keyword) and b"INSERT" not in statement.upper()
        if streams and not request.waits and form.lower() in STREAMED_FORMATS:
            return self._streamed(session, statement, form, request.parameters)
        try:
            result = session.query(statement, form, request.parameters)
        except ClickHouseFault as fault:
            if not _made_kafka_table(statement, fault):
                raise
            result = session.query("SELECT 1", "Null", {})
        if keyword in ("SET", "USE"):
            session.learn(statement.decode())
        form_of_answer = form if _READING.fullmatch(keyword) else None
        return Answer(iter([result.bytes()]), form_of_answer, _figures(result))

    @staticmethod
    def _streamed(
        session: Session, statement: bytes, form: str, parameters: dict[str, str]
    ) -> Answer:
        """Start a read; an error before its first block is still an error of the request."""
        chunks = session.stream(statement, form, parameters)
        first = next(chunks, None)
        if first is None:
            # No block, but a format may say something even so: Arrow gives the schema.
            empty = session.query(statement, form, parameters)
            return Answer(iter([empty.bytes()]), form, _figures(empty))
        whole = chain([first], chunks)
        return Answer(_joined_arrow(whole) if form.lower() == "arrowstream" else whole, form)


def _made_kafka_table(statement: bytes, fault: ClickHouseFault) -> bool:
    """Whether chDB made a Kafka table and then said that it could not.

    It has no threads for message brokers to begin with, makes some, and the table streams. Its
    database has to be in memory: chDB never opens one again that holds such a table.
    """
    is_kafka = re.search(rb"ENGINE\s*=\s*Kafka\b", statement) is not None
    return is_kafka and "Shutdown was called" in str(fault)


def _keyword(statement: bytes) -> str:
    match = _KEYWORD.match(statement)
    return match[1].decode().upper() if match else ""


def _format(statement: bytes) -> str:
    match = _FORMAT.search(statement)
    return match[1].decode() if match else ""


def _refuse(statement: bytes, keyword: str, readonly: bool) -> None:
    """Refuse what chDB takes and a server does not."""
    if not keyword:
        raise ClickHouseFault.named(62, "SYNTAX_ERROR", "Empty query.")
    if _SECOND_STATEMENT.match(statement):
        raise ClickHouseFault.named(62, "SYNTAX_ERROR", "Multi-statements are not allowed.")
    if readonly and not _READING.fullmatch(keyword):
        reason = "Cannot execute query in readonly mode: over HTTP, method GET implies readonly."
        raise ClickHouseFault.named(164, "READONLY", reason)


def _figures(result: Any) -> dict[str, int]:
    return {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "result_rows": result.rows_read(),
        "result_bytes": result.bytes_read(),
    }


# --- HTTP -------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, engine: Engine):
        super().__init__((HOST, port), Handler)
        self.engine = engine

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client, which may carry many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def handle_one_request(self) -> None:
        """Do as the base class does, for request lines as long as ClickHouse takes them."""
        self.raw_requestline = self.rfile.readline(MAX_URI)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._route()
            self.wfile.flush()

    def _route(self) -> None:
        url = urlsplit(self.path)
        body = self._body()
        asks = bool(url.query) or self.command == "POST"
        if url.path == "/" and asks:
            self._serve(url.query, body)
        elif url.path in ("/", "/ping", "/replicas_status"):
            self._send_whole(200, b"Ok.\n", {"Content-Type": "text/html; charset=UTF-8"})
        else:
            self._send_whole(404, f"There is no handle {url.path}\n".encode(), {})
        _drain(body)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return _chunked(self.rfile)
        return _sized(self.rfile, int(self.headers.get("Content-Length", 0)))

    def _serve(self, query: str, body: Iterator[bytes]) -> None:
        """Run a request's statement; what goes wrong before its answer starts is its error."""
        query_id = ""
        try:
            request = self._request(query, body)
            query_id = request.query_id
            engine = self.server.engine
            engine.admit(request.user, request.password)
            with engine.session(request.fields) as session:
                session.prepare(request.database, request.settings)
                begun = time.perf_counter_ns()
                answer = engine.answer(session, request)
                self._send_answer(request, answer, time.perf_counter_ns() - begun)
        except ClickHouseFault as fault:
            # The client reads no answer before it has sent its request.
            _drain(body)
            self._send_fault(fault, query_id)

    def _request(self, query: str, body: Iterator[bytes]) -> Request:
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
        except UnicodeDecodeError as error:
            raise ClickHouseFault.named(36, "BAD_ARGUMENTS", f"The URL: {error}") from error
        coding = self.headers.get("Content-Encoding", "")
        body = _decoded(body, coding) if coding else body
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            fields |= _form_fields(b"".join(body), content_type)
        user, password = _credentials(self.headers, fields)
        named_format = self.headers.get("X-ClickHouse-Format", "TabSeparated")
        return Request(
            fields=fields,
            body=body,
            user=user,
            password=password,
            database=fields.get("database") or self.headers.get("X-ClickHouse-Database") or "",
            default_format=fields.get("default_format") or named_format,
            encoding=_accepted(self.headers.get("Accept-Encoding", ""), fields),
            readonly=self.command == "GET",
        )

    def _send_answer(self, request: Request, answer: Answer, elapsed_ns: int) -> None:
        tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        headers = self._answer_headers(request, answer, elapsed_ns) | {
            "X-ClickHouse-Exception-Tag": tag
        }
        encoder = ENCODERS[request.encoding]()
        if answer.summary is not None:
            whole = b"".join(map(encoder.compress, answer.chunks)) + encoder.flush()
            self._send_whole(200, whole, headers)
        else:
            self._send_head(200, headers | {"Transfer-Encoding": "chunked"})
            self._send_stream(answer.chunks, encoder, tag)

    def _answer_headers(self, request: Request, answer: Answer, elapsed_ns: int) -> dict[str, str]:
        form = answer.form or request.default_format
        headers = {
            "Content-Type": CONTENT_TYPES.get(form.lower(), "text/plain; charset=UTF-8"),
            "X-ClickHouse-Query-Id": request.query_id,
            "X-ClickHouse-Timezone": request.settings.get(
                "session_timezone", self.server.engine.timezone
            ),
            # A streamed answer's head goes out before its figures are known, as a server's does.
            "X-ClickHouse-Summary": json.dumps(
                {k: str(v) for k, v in {**(answer.summary or {}), "elapsed_ns": elapsed_ns}.items()}
            ),
        }
        if answer.form:
            headers["X-ClickHouse-Format"] = answer.form
        if request.encoding:
            headers["Content-Encoding"] = request.encoding
        return headers

    def _send_stream(self, chunks: Iterator[bytes], encoder: _Encoder, tag: str) -> None:
        """Send blocks as they come; an error ends the body with its text, without a last chunk."""
        try:
            for chunk in chunks:
                self._send_chunk(encoder.compress(chunk))
        except ClickHouseFault as fault:
            message = self._text(fault)
            mark = f"\r\n__exception__\r\n{tag}\r\n".encode()
            close = f"{len(message)} {tag}\r\n__exception__\r\n".encode()
            self._send_chunk(encoder.compress(mark + message + close) + encoder.flush())
            self.close_connection = True
        else:
            self._send_chunk(encoder.flush())
            self.wfile.write(b"0\r\n\r\n")

    def _send_chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _send_fault(self, fault: ClickHouseFault, query_id: str) -> None:
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Exception-Code": str(fault.code),
            "X-ClickHouse-Query-Id": query_id,
        }
        self._send_whole(fault.status, self._text(fault), headers)

    def _text(self, fault: ClickHouseFault) -> bytes:
        version = self.server.engine.version
        text = fault.text.removesuffix(f" (version {version})")
        return f"{text} (version {version} (official build))\n".encode()

    def _send_whole(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._send_head(status, headers | {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("X-ClickHouse-Server-Display-Name", "chdb")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _drain(body: Iterator[bytes]) -> None:
    for _ in body:
        pass


# --- the process ------------------------------------------------------------------------


def main() -> None:
    """Serve until SIGTERM, or until whoever started this lets go of its stdin."""
    options = _options()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    # Ctrl-C goes to the whole process group; whoever started this ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = Engine(options.path, options.user, options.password)
    server = _Server(options.port, engine)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    threading.Thread(target=_await_eof, args=(ended,), daemon=True).start()
    sys.stdout.write(json.dumps({"port": server.server_port}) + "\n")
    sys.stdout.flush()
    ended.wait()
    # A statement that does not end must not keep the process: SIGALRM's default ends it.
    signal.alarm(STOP_SECONDS)
    server.shutdown()
    engine.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A ClickHouse HTTP endpoint over chDB, for tests.")
    parser.add_argument("--path", required=True, help="directory of the chDB database")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    return parser.parse_args()


def _await_eof(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


class ClickHouseHttpServer:
    """The endpoint as a child process, which holds on to its port over restarts.

    Args:
        path: The directory of the chDB database; what is in it outlives the process.
        user: The one user who is let in.
        password: That user's password.
    """

    def __init__(self, path: Path | str, *, user: str = "default", password: str = ""):
        self.host = HOST
        self.port = 0
        self._arguments = ["--path", str(path), "--user", user, "--password", password]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process, None when there is none."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start it, on the port it had before if it had one, and wait until it listens."""
        if self._process is not None:
            raise RuntimeError(f"the endpoint already runs, pid {self.pid}")
        command = [sys.executable, "-m", "tests.support.clickhouse_http", *self._arguments]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            status = self._end()
            raise RuntimeError(f"the endpoint did not start, exit status {status}")
        self.port = int(json.loads(line)["port"])
        return self

    def stop(self) -> None:
        """End it in order; without effect when it does not run."""
        if self._process is not None:
            self._process.terminate()
            self._end()

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        with process:  # closes the pipes, waits
            pass
        return process.returncode

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


if __name__ == "__main__":
    main()
