"""The client library's mock cluster, in a process of its own.

It keeps some 5 MiB a partition, makes every topic that somebody asks about, with four partitions,
and knows no admin requests.
"""

from __future__ import annotations

import subprocess
import sys

from confluent_kafka.admin import AdminClient

_CLUSTER = """
import sys
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock:1"})
broker, = producer.list_topics(timeout=10).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


class MockCluster:
    """A mock cluster of one broker.

    Attributes:
        bootstrap: Its address.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.bootstrap = self._process.stdout.readline().strip()
        assert self.bootstrap, "the mock cluster does not start"

    def make_topic(self, topic: str) -> None:
        """Let there be a topic."""
        AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(topic, timeout=10)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
