"""The calls of a memory as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kato.client.call import Steps, ask, changing, nothing, path_of, reading
from kato.client.given import config_given, encodable, text_given
from kato.client.knowledge_base import KnowledgeBaseCalls
from kato.client.reading import Opened, read_changes, reader
from kato.client.session import SessionCalls
from kato.errors import InvalidConfig, KnowledgeBaseNotFound, SessionNotFound
from kato.model.statistics import MemoryStatistics
from kato.model.undoable import Undoable


class MemoryCalls:
    """What a service can be asked about all it holds."""

    def knowledge_bases(self) -> Steps[list[str]]:
        """The names of all knowledge bases, sorted."""
        names: list[str] = []
        query: dict[str, str] = {"limit": "1000"}
        while True:
            page = yield from ask(reading("/nodes", _read_nodes, query=query))
            names.extend(node.node_id for node in page.nodes)
            if page.next is None:
                return sorted(names)
            query["after"] = page.next

    def forget_knowledge_base(self, name: str) -> Steps[None]:
        """Forget a knowledge base with all it holds, and that there was one of that name.

        Raises:
            KnowledgeBaseNotFound: There is none.
            NotDisposable: It is not marked disposable, see :meth:`mark`; nothing was forgotten.
            StoreFull: The journal is full; nothing was forgotten.
        """
        path = path_of("nodes", text_given(name, "a knowledge base's name"))
        return ask(changing("DELETE", path, nothing, missing=KnowledgeBaseNotFound))

    def mark(self, name: str, *, disposable: bool) -> Steps[None]:
        """Say whether a knowledge base may be dropped, by this service's tests and batches too.

        Args:
            name: Its name; nothing needs to be learned into it yet.
            disposable: Whether it may be dropped.
        """
        path = path_of("nodes", text_given(name, "a knowledge base's name"), "settings")
        return ask(changing("PUT", path, nothing, body={"disposable": disposable}))

    def is_disposable(self, name: str) -> Steps[bool]:
        """Whether a knowledge base is marked disposable."""
        path = path_of("nodes", text_given(name, "a knowledge base's name"), "settings")
        return (yield from ask(reading(path, _read_settings))).disposable

    def undo(self, name: str, *, replace: bool = False) -> Steps[Undoable]:
        """Give back what a knowledge base lost last; see :meth:`KnowledgeBaseCalls.undo`."""
        return KnowledgeBaseCalls(name).undo(replace=replace)

    def undoable(self) -> Steps[list[Undoable]]:
        """What can be undone in all knowledge bases, the last change first; at most 1000."""
        return read_changes("/undo")

    def stats(self) -> Steps[MemoryStatistics]:
        """What the stores hold."""
        return ask(reading("/stores", _read_statistics))

    def ready(self) -> Steps[bool]:
        """Whether both stores answer the service.

        Raises:
            StoreUnavailable: One of them does not.
        """
        return (yield from ask(reading("/ready", _read_ready))).ready

    def open_session(
        self,
        kb: str,
        session_id: str | None = None,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> Steps[Opened]:
        """Open a session on a knowledge base: a new one, or that of an id.

        Args:
            kb: The knowledge base's name.
            session_id: Opens that session; it must be there.
            ttl_seconds: Seconds after which a new one is gone if it is not used; the service
                decides if None.
            metadata: Anything about a new one.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidConfig: A configuration value cannot be used.
            SessionNotFound: There is no session of that id on the knowledge base.
        """
        given = config_given(config)
        if session_id is not None:
            return (yield from self._found(kb, session_id, given))
        if ttl_seconds is not None and ttl_seconds < 1:
            raise InvalidConfig({"ttl_seconds": f"Must be 1 or more, got {ttl_seconds}"})
        wanted = {
            "node_id": text_given(kb, "a knowledge base's name"),
            "metadata": encodable(dict(metadata or {}), "metadata"),
            "ttl_seconds": ttl_seconds,
            "config": given,
        }
        return (yield from ask(changing("POST", "/sessions", _read_opened, body=wanted)))

    def _found(self, kb: str, session_id: str, config: dict[str, Any]) -> Steps[Opened]:
        path = path_of("sessions", text_given(session_id, "a session's id"))
        found = yield from ask(reading(path, _read_opened, missing=SessionNotFound))
        if found.node_id != kb:
            raise SessionNotFound(
                f"session {session_id[:60]!a} is on knowledge base {found.node_id[:60]!a}",
                remedy="open it there, or open a new one",
            )
        if config:
            yield from SessionCalls(session_id).configure(**config)
        return found


class _Node(msgspec.Struct, frozen=True):
    node_id: str


class _Nodes(msgspec.Struct, frozen=True):
    nodes: list[_Node]
    next: str | None = None


class _Settings(msgspec.Struct, frozen=True):
    disposable: bool


class _Ready(msgspec.Struct, frozen=True):
    ready: bool


_read_nodes = reader(_Nodes)
_read_opened = reader(Opened)
_read_ready = reader(_Ready)
_read_settings = reader(_Settings)
_read_statistics = reader(MemoryStatistics)
