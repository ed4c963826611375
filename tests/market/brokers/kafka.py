"""A real Apache Kafka broker: one node, without ZooKeeper (KRaft), on free ports."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from tests.market.brokers.maven import Missing, artifacts

START_SECONDS = 60.0

# A small JVM that starts fast; it compiles to what is good enough for tests.
_JVM = (
    "-Xmx256m",
    "-Xshare:auto",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Djava.net.preferIPv4Stack=true",
)

# After a kill the broker is let in again when its session from before is over.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{broker},SASL_PLAINTEXT://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={login} required user_{user}="{password}";
log.dirs={folder}/data
auto.create.topics.enable=false
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""

USER, PASSWORD = "kato", "s3cret"
_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"

_CLUSTER_ID = "S2F0b1Rlc3RDbHVzdGVyMQ"


class KafkaBroker:
    """A broker; its data lies in ``folder`` and outlives a kill.

    Attributes:
        bootstrap: Its address, the same after every start.
        guarded: Where it asks who somebody is: :data:`USER` with :data:`PASSWORD`.

    Raises:
        Missing: What it needs is not here.
    """

    def __init__(self, folder: Path) -> None:
        self._jars = artifacts()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        broker, guarded, controller = _free_ports(3)
        self.bootstrap = f"127.0.0.1:{broker}"
        self.guarded = f"127.0.0.1:{guarded}"
        self._address = ("127.0.0.1", broker)
        self._properties = folder / "server.properties"
        ports = {"broker": broker, "guarded": guarded, "controller": controller}
        login = {"login": _LOGIN, "user": USER, "password": PASSWORD}
        text = _PROPERTIES.format(**ports, **login, folder=folder)
        self._properties.write_text(text)
        self._format()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._properties)),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    stop = kill

    def _format(self) -> None:
        tool = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c")
        command = self._java(*tool, str(self._properties))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"the broker's storage cannot be formatted: {done.stderr[-300:]}")

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *_JVM, "-cp", f"{self._jars}/*", *arguments]

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                told = (self._folder / "broker.log").read_text(errors="replace")[-500:]
                raise Missing(f"the broker does not start: {told}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(self._address) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
