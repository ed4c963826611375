"""Opens the log that the settings name: a broker, a Redis or Valkey server, or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kato.errors import InvalidConfig, StoreUnavailable
from kato.market.log.properties import read_properties
from kato.market.log.records import LogReader, LogWriter
from kato.market.log.stream import StreamReader, StreamWriter
from kato.settings import Settings
from kato.storage.embedded.directory import owner_now
from kato.storage.embedded.valkey import socket_on
from kato.storage.ledger.connection import Connection, shard_of


def open_writer(settings: Settings) -> LogWriter:
    """A writer of the log.

    Raises:
        StoreUnavailable: Nobody answers where the log should be.
        InvalidConfig: It is in a broker, and the extra for that is not installed, or the file of
            its client's properties is none.
    """
    if settings.kafka_bootstrap:
        with _extra():
            from kato.market.log.kafka import KafkaWriter  # noqa: PLC0415 - an extra
        return KafkaWriter(
            settings.kafka_bootstrap,
            partitions=settings.kafka_partitions,
            replication=settings.kafka_replication,
            properties=_properties(settings),
        )
    return StreamWriter(open_ledger(settings), limit_mb=settings.market_log_limit_mb)


def open_reader(settings: Settings) -> LogReader:
    """A reader of the log.

    Raises:
        StoreUnavailable: Nobody answers where the log should be.
        InvalidConfig: It is in a broker, and the extra for that is not installed, or the file of
            its client's properties is none.
    """
    if settings.kafka_bootstrap:
        with _extra():
            from kato.market.log.kafka import KafkaReader  # noqa: PLC0415 - an extra
        return KafkaReader(settings.kafka_bootstrap, properties=_properties(settings))
    return StreamReader(open_ledger(settings))


def open_ledger(settings: Settings) -> Connection:
    """A connection to the ledger; the embedded one may be another process's.

    Raises:
        StoreUnavailable: No server answers, or no process has the data directory open.
    """
    if settings.redis_url:
        return Connection.to_url(settings.redis_url, shard_of(settings))
    folder = settings.data_dir.expanduser().absolute()
    socket = socket_on(folder / "ledger")
    if socket is None or owner_now(folder) is None:
        raise _ownerless(folder)
    return Connection.to_socket(socket, lambda: _silent(folder))


def _properties(settings: Settings) -> dict[str, str]:
    return read_properties(settings.kafka_config) if settings.kafka_config else {}


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed: pip install 'kato[market]'"
        raise InvalidConfig({"KATO_KAFKA_BOOTSTRAP": reason}) from error


def _ownerless(folder: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"no process has {folder} open, so its ledger does not run",
        remedy="start `kato serve` or `kato market ingest` on it, or set KATO_KAFKA_BOOTSTRAP",
    )


def _silent(folder: Path) -> StoreUnavailable:
    owner = owner_now(folder)
    if owner is None:
        return _ownerless(folder)
    return StoreUnavailable(
        f"the embedded Valkey of process {owner.pid} does not answer",
        remedy=f"see {folder / 'ledger' / 'valkey.log'}",
    )
