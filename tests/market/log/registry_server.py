"""A schema registry over HTTP that keeps its schemas in memory.

What it does follows the protocol's description: ids by content over all subjects, versions by
subject, backward compatibility with the newest version, and errors with codes of their own.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType


class Refused(Exception):
    """What a registry answers instead."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status = status
        self.told = {"error_code": code, "message": message}


class RegistryServer:
    """A registry, as long as the block goes on.

    Attributes:
        schemas: By id.
        versions: The ids of each subject, oldest first.
        asked: Method and path of each request.
        failing: A status that all requests are answered with, if it is set.
    """

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.versions: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self.failing = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, which is the subject's newest if it was not there."""
        parsed = _parsed(schema)
        versions = self.versions.setdefault(subject, [])
        for number in versions:
            if json.loads(self.schemas[number]) == json.loads(schema):
                return number
        if versions:
            _refuse_incompatible(parsed, _parsed(self.schemas[versions[-1]]))
        number = self._number_of(schema)
        versions.append(number)
        return number

    def _number_of(self, schema: str) -> int:
        for number, known in self.schemas.items():
            if json.loads(known) == json.loads(schema):
                return number
        self.schemas[len(self.schemas) + 100] = schema
        return len(self.schemas) + 99


def _handler_of(registry: RegistryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answered(self._schema)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answered(lambda: self._registered(json.loads(body)))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _schema(self) -> Any:
            number = int(self.path.removeprefix("/schemas/ids/"))
            if number not in registry.schemas:
                raise Refused(404, 40403, f"Schema {number} not found")
            return {"schema": registry.schemas[number]}

        def _registered(self, body: Any) -> Any:
            subject = self.path.removeprefix("/subjects/").removesuffix("/versions")
            return {"id": registry.register(unquote(subject), body["schema"])}

        def _answered(self, ask: Any) -> None:
            registry.asked.append(f"{self.command} {self.path}")
            try:
                status, told = registry.failing or 200, {} if registry.failing else ask()
            except Refused as refused:
                status, told = refused.status, refused.told
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _parsed(schema: str) -> avro.schema.Schema:
    try:
        return avro.schema.parse(schema)
    except avro.errors.SchemaParseException as error:
        raise Refused(422, 42201, f"Invalid schema: {error}") from error


def _refuse_incompatible(reader: avro.schema.Schema, writer: avro.schema.Schema) -> None:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(reader, writer)
    if found.compatibility is not SchemaCompatibilityType.compatible:
        raise Refused(409, 409, f"Schema being registered is incompatible: {found.messages}")
