"""Schemas by id: from a registry, or those of the package where there is none.

A value in the wire format of schema registries begins with a zero byte and the schema's id in four
bytes, high byte first.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from kato.errors import InvalidInput, StoreUnavailable, StoreUnreadable
from kato.settings import Settings

MAGIC = b"\0"
HEADER_BYTES = 5

ANSWER_SECONDS = 10.0

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class Schemas(Protocol):
    """Where schemas have ids."""

    def id_of(self, topic: str, schema: str) -> int:
        """The id of the schema of a topic's values; it gets one if it has none.

        Raises:
            StoreUnavailable: The registry does not answer.
            StoreUnreadable: It refuses the schema, as readers of older ones could not read it.
        """

    def schema_of(self, number: int) -> str:
        """The schema of an id.

        Raises:
            StoreUnavailable: The registry does not answer.
            StoreUnreadable: There is no such id.
        """

    def close(self) -> None:
        """Let go."""


def open_schemas(settings: Settings) -> Schemas:
    """The registry that the settings name, or the schemas of the package."""
    if settings.schema_registry_url:
        return SchemaRegistry(settings.schema_registry_url)
    return PackagedSchemas()


class PackagedSchemas:
    """The schemas in the package: the number that a file's name begins with is the id for ever.

    >>> schemas = PackagedSchemas()
    >>> schemas.id_of("any", schemas.schema_of(1))
    1
    """

    def __init__(self) -> None:
        self._schemas = dict(_packaged())

    def id_of(self, topic: str, schema: str) -> int:
        """The id of a schema of the package."""
        for number, known in self._schemas.items():
            if known == schema:
                return number
        raise StoreUnreadable(
            f"the schema of {topic} is none of the package",
            remedy="name a registry with KATO_SCHEMA_REGISTRY_URL",
        )

    def schema_of(self, number: int) -> str:
        """The schema of an id."""
        if number not in self._schemas:
            raise StoreUnreadable(
                f"the package has no schema {number}",
                remedy="upgrade KATO, or name the registry with KATO_SCHEMA_REGISTRY_URL",
            )
        return self._schemas[number]

    def close(self) -> None:
        """Nothing is held."""


class SchemaRegistry:
    """A registry that speaks Confluent's protocol. What it said once is not asked again.

    Args:
        url: Its address, with user and password where it wants them.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=ANSWER_SECONDS, headers={"accept": CONTENT_TYPE})
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, str] = {}

    def id_of(self, topic: str, schema: str) -> int:
        """Register the schema for a topic's values; one that is there keeps its id."""
        if (topic, schema) not in self._ids:
            path = f"/subjects/{quote(topic + '-value', safe='')}/versions"
            answer = self._ask("POST", path, {"schema": schema, "schemaType": "AVRO"})
            self._ids[topic, schema] = int(answer["id"])
        return self._ids[topic, schema]

    def schema_of(self, number: int) -> str:
        """The schema of an id."""
        if number not in self._schemas:
            self._schemas[number] = str(self._ask("GET", f"/schemas/ids/{number}")["schema"])
        return self._schemas[number]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"content-type": CONTENT_TYPE} if body else {}
        try:
            answer = self._client.request(method, self._url + path, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        if answer.status_code >= 500:
            raise self._unavailable(_reason(answer))
        if answer.status_code >= 400:
            raise self._refused(_reason(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise self._unavailable("what it answers is no JSON") from error

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the schema registry at {self._shown()} failed: {reason}",
            remedy="see whether it runs and KATO_SCHEMA_REGISTRY_URL names it",
        )

    def _refused(self, reason: str) -> StoreUnreadable:
        return StoreUnreadable(
            f"the schema registry at {self._shown()} refuses: {reason}",
            remedy="see the subject's versions and its compatibility there",
        )

    def _shown(self) -> str:
        """Its address without a password."""
        return self._url.rpartition("@")[2]


def framed(number: int) -> bytes:
    r"""What a value of a schema begins with.

    >>> framed(258)
    b'\x00\x00\x00\x01\x02'
    """
    return MAGIC + number.to_bytes(HEADER_BYTES - 1, "big")


def schema_id(value: bytes) -> int:
    """The id of the schema that a value is written in.

    Raises:
        InvalidInput: It is not in the wire format.
    """
    if len(value) < HEADER_BYTES or value[:1] != MAGIC:
        raise InvalidInput(
            f"{value[:HEADER_BYTES]!r} begins no value of a schema registry",
            remedy="see who else writes to the topic",
        )
    return int.from_bytes(value[1:HEADER_BYTES], "big")


def packaged(name: str) -> str:
    """The text of the newest schema of a name in the package."""
    named = [file for file in _files() if file.name.partition("_")[2] == f"{name}.avsc"]
    text: str = max(named, key=lambda file: file.name).read_text("utf-8")
    return text


def _packaged() -> list[tuple[int, str]]:
    return [(int(file.name.partition("_")[0]), file.read_text("utf-8")) for file in _files()]


def _files() -> list[Any]:
    folder = resources.files("kato.market.log") / "schemas"
    return [file for file in folder.iterdir() if file.name.endswith(".avsc")]


def _reason(answer: httpx.Response) -> str:
    try:
        told = answer.json()
        return f"{told['message']} (error {told['error_code']})"
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
