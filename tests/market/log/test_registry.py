"""Schemas by id: over the registry's protocol, and without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.market.log.registry_server import RegistryServer

from kato.errors import InvalidInput, StoreUnavailable, StoreUnreadable
from kato.market.log.avro import SCHEMA
from kato.market.log.registry import (
    PackagedSchemas,
    SchemaRegistry,
    framed,
    open_schemas,
    schema_id,
)
from kato.settings import Settings

OTHER = json.dumps({"type": "record", "name": "Other", "fields": []})
NEWER = json.dumps(
    {
        "type": "record",
        "name": "NormalizedTrade",
        "namespace": "kato.market",
        "fields": [{"name": "exchange", "type": "long"}],
    }
)


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[SchemaRegistry]:
    registry = SchemaRegistry(server.url + "/")
    yield registry
    registry.close()


def test_a_schema_is_registered_once(server: RegistryServer, registry: SchemaRegistry) -> None:
    number = registry.id_of("t", SCHEMA)
    assert registry.id_of("t", SCHEMA) == number
    assert server.asked == ["POST /subjects/t-value/versions"]
    assert server.versions == {"t-value": [number]}
    assert json.loads(server.schemas[number]) == json.loads(SCHEMA)


def test_another_client_finds_it(server: RegistryServer, registry: SchemaRegistry) -> None:
    number = registry.id_of("t", SCHEMA)
    another = SchemaRegistry(server.url)
    assert another.id_of("t", SCHEMA) == number
    assert another.id_of("u", SCHEMA) == number
    assert json.loads(another.schema_of(number)) == json.loads(SCHEMA)
    assert another.schema_of(number) == another.schema_of(number)
    assert server.asked.count(f"GET /schemas/ids/{number}") == 1
    another.close()


@pytest.mark.parametrize("topic", ["a/b?c#d", "☃ %20", "..", ""])
def test_a_topic_may_be_any_text(
    server: RegistryServer, registry: SchemaRegistry, topic: str
) -> None:
    registry.id_of(topic, SCHEMA)
    assert list(server.versions) == [f"{topic}-value"]


def test_a_schema_that_readers_could_not_read_is_refused(
    server: RegistryServer, registry: SchemaRegistry
) -> None:
    server.register("t-value", NEWER)
    with pytest.raises(StoreUnreadable, match=r"incompatible.*error 409"):
        registry.id_of("t", SCHEMA)
    assert len(server.versions["t-value"]) == 1


def test_what_is_no_schema_is_refused(registry: SchemaRegistry) -> None:
    with pytest.raises(StoreUnreadable, match=r"Invalid schema.*error 42201"):
        registry.id_of("t", '{"type": "no such type"}')


def test_an_id_that_is_not_there_is_told(registry: SchemaRegistry) -> None:
    with pytest.raises(StoreUnreadable, match=r"Schema 7 not found \(error 40403\)"):
        registry.schema_of(7)


def test_a_registry_that_fails_is_told(server: RegistryServer, registry: SchemaRegistry) -> None:
    server.failing = 503
    with pytest.raises(StoreUnavailable, match="status 503"):
        registry.id_of("t", SCHEMA)
    server.failing = 0
    assert registry.id_of("t", SCHEMA)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "no url", "http://user:secret@127.0.0.1:9"])
def test_a_registry_that_is_not_there_is_told(url: str) -> None:
    registry = SchemaRegistry(url)
    with pytest.raises(StoreUnavailable) as raised:
        registry.id_of("t", SCHEMA)
    assert "secret" not in str(raised.value)
    registry.close()


def test_the_settings_name_the_registry(server: RegistryServer) -> None:
    folder = Path("unused")
    named = Settings(data_dir=folder, cache_dir=folder, schema_registry_url=server.url)
    for settings, number in ((named, 100), (Settings(data_dir=folder, cache_dir=folder), 1)):
        schemas = open_schemas(settings)
        assert schemas.id_of("t", SCHEMA) == number
        schemas.close()


def test_schemas_of_the_package_keep_their_ids() -> None:
    schemas = PackagedSchemas()
    assert schemas.schema_of(1) == SCHEMA
    with pytest.raises(StoreUnreadable, match="no schema 2"):
        schemas.schema_of(2)
    with pytest.raises(StoreUnreadable, match="none of the package"):
        schemas.id_of("t", OTHER)


@pytest.mark.parametrize("number", [0, 1, 2**32 - 1])
def test_a_value_names_its_schema(number: int) -> None:
    assert schema_id(framed(number) + b"value") == number


@pytest.mark.parametrize("value", [b"", b"\0\0\0\1", b"\1\0\0\0\1value", b'{"e":"trade"}'])
def test_what_names_no_schema_is_told(value: bytes) -> None:
    with pytest.raises(InvalidInput):
        schema_id(value)
