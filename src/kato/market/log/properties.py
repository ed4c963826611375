"""Properties of a Kafka client in a file, as other programs of Kafka read them: secured brokers."""

from __future__ import annotations

from pathlib import Path

from kato.errors import InvalidConfig

SETTING = "KATO_KAFKA_CONFIG"

OURS = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "auto.offset.reset",
        "bootstrap.servers",
        "compression.type",
        "delivery.report.only.error",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "fetch.error.backoff.ms",
        "fetch.wait.max.ms",
        "group.id",
        "linger.ms",
        "log_level",
        "message.timeout.ms",
        "partitioner",
        "queue.buffering.max.kbytes",
        "queued.max.messages.kbytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
    }
)
"""What :mod:`kato.market.log.kafka` sets: what nothing is lost and nothing doubled by, and what its
deadlines rest on. A file that says otherwise is refused, not passed over."""


def read_properties(path: Path) -> dict[str, str]:
    """The properties of a file: a ``name=value`` a line, in the names of librdkafka.

    Args:
        path: The file; empty lines and those that begin with ``#`` say nothing.

    Raises:
        InvalidConfig: It cannot be read, a line is none, or sets what KATO sets itself.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig({SETTING: f"cannot read {path}: {error}"}) from error
    properties: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, sign, value = (part.strip() for part in line.partition("="))
        # The line itself may hold a password.
        if not sign or not name:
            raise InvalidConfig({SETTING: f"line {number} of {path} is no name=value"})
        if name in OURS:
            raise InvalidConfig({SETTING: f"line {number} of {path} sets {name}, as KATO does"})
        properties[name] = value
    return properties
