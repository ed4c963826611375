"""The client of the service: what the library answers, from elsewhere.

>>> memory = connect("http://localhost:8000")
>>> memory.url
'http://localhost:8000'
>>> memory.close()
"""

from kato.client.asynchronous import (
    AsyncRemoteKnowledgeBase,
    AsyncRemoteMemory,
    AsyncRemoteSession,
    connect_async,
)
from kato.client.compatible import KATOClient
from kato.client.reading import PatternPage
from kato.client.sync import RemoteKnowledgeBase, RemoteMemory, RemoteSession, connect
from kato.model.answers import Observation

__all__ = [
    "AsyncRemoteKnowledgeBase",
    "AsyncRemoteMemory",
    "AsyncRemoteSession",
    "KATOClient",
    "Observation",
    "PatternPage",
    "RemoteKnowledgeBase",
    "RemoteMemory",
    "RemoteSession",
    "connect",
    "connect_async",
]
