"""Write the documents that say what the code says: ``docs/api.md`` and ``docs/configuration.md``.

    python -m tools.references

A test holds the documents to what this writes.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from kato.model.config import SessionConfig
from kato.service import create_app
from kato.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"

WRITTEN = "<!-- Written by `python -m tools.references`; do not edit. -->\n"

_METHODS = ("get", "post", "put", "patch", "delete")


def main() -> None:
    """Write them."""
    for name, text in DOCUMENTS.items():
        (DOCS / name).write_text(text(), encoding="utf-8")


def api_reference() -> str:
    """All endpoints, as the OpenAPI document has them."""
    document = create_app(Settings.from_environment({})).openapi()
    lines = ["# HTTP API", "", WRITTEN, _API]
    for tag, operations in _by_tag(document).items():
        lines += [f"## {tag.capitalize()}", ""]
        for method, path, operation in operations:
            lines += [f"### {method.upper()} {path}", "", *_operation(document, operation)]
    return "\n".join(lines).rstrip() + "\n"


_API = """\
What `kato serve` answers. The same as a program reads it is at `/openapi.json`, to be tried at
`/docs`. [Here](tutorial.md) is how to begin, and [here](migration.md) what is new for clients of
KATO 3.

* Bodies and answers are JSON in UTF-8. Unknown keys are left alone.
* A failure answers `{"detail": ...}` and what to do about it; one below `/sessions/{session_id}/`
  whose session is not there, `{"error": {"code": "SESSION_NOT_FOUND", ...}}`.
* Each answer has an `X-Trace-ID`: the request's, or a new one. Logs carry it.
* A change with an `Idempotency-Key` may be sent again within an hour: it is answered as the first
  time, and carried out once. Retry so on a lost connection, 503 and 507, after the seconds of
  `Retry-After`.
"""


def _by_tag(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                found.setdefault(operation["tags"][0], []).append((method, path, operation))
    return found


def _operation(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    yield from (_one_line(operation.get("description", "")), "")
    parameters = [each for each in operation.get("parameters", []) if each["in"] != "path"]
    if parameters:
        yield from ("| parameter | in | type | meaning |", "|---|---|---|---|")
        for each in parameters:
            yield _row(
                f"`{each['name']}`",
                each["in"],
                _type(each["schema"]),
                _meaning(each["schema"] | {"description": each.get("description", "")}),
            )
        yield ""
    body = operation.get("requestBody")
    if body:
        for media, content in body["content"].items():
            yield from _fields(document, f"Body, `{media}`", content.get("schema", {}))
    for status, answer in operation["responses"].items():
        if status == "200":
            for media, content in answer.get("content", {}).items():
                yield from _fields(document, f"Answer, `{media}`", content.get("schema", {}))
    others = [f"{status} {_one_line(a['description'])}" for status, a in _failures(operation)]
    yield from (f"Else: {'; '.join(others)}", "") if others else ()


def _failures(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted((s, answer) for s, answer in operation["responses"].items() if s != "200")


def _fields(document: dict[str, Any], title: str, schema: dict[str, Any]) -> Iterator[str]:
    found = _resolved(document, schema)
    properties = found.get("properties")
    if not properties:
        yield from (f"{title}: {_type(schema)}", "")
        return
    yield from (f"{title}:", "", "| field | type | meaning |", "|---|---|---|")
    needed = found.get("required", [])
    for name, each in properties.items():
        must = "" if name in needed or "default" in each else "optional. "
        yield _row(f"`{name}`", _type(each), must + _meaning(each))
    yield ""
    for example in found.get("examples", []):
        yield from (f"For example `{msgspec.json.encode(example).decode()}`.", "")


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return found


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words.

    >>> _type({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}})
    'list of string or null'
    """
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values:
        return " or ".join(f"`{each}`" for each in values)
    if joined := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_type(each) for each in joined)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    named = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(named, dict):
        return f"{_type(named)} by name"
    return str(schema.get("type", "anything"))


def _meaning(schema: dict[str, Any]) -> str:
    said = [_one_line(schema.get("description", ""))]
    bounds = [("minimum", "at least"), ("maximum", "at most")]
    parts = [schema, *schema.get("anyOf", [])]
    said += [f"{word} {part[key]}" for key, word in bounds for part in parts if key in part]
    if "default" in schema:
        said.append(f"default `{msgspec.json.encode(schema['default']).decode()}`")
    return "; ".join(filter(None, said))


def configuration_reference() -> str:
    """All settings of the environment, and all keys of a session."""
    lines = ["# Configuration", "", WRITTEN, _SETTINGS]
    lines += ["| variable | what it decides | default |", "|---|---|---|"]
    for name, meaning in described(Settings).items():
        variable = re.search(r"``(KATO_\w+)``", meaning)
        assert variable is not None, name
        said = re.sub(r" ?\(``KATO_\w+``(?:,([^)]*))?\)", r"\1", meaning)
        lines.append(_row(f"`{variable[1]}`", said, _default(Settings, name)))
    lines += ["", _SESSIONS]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    hints = typing.get_type_hints(SessionConfig)
    for name, meaning in described(SessionConfig).items():
        kind = hints[name]
        shown = kind.__name__ if isinstance(kind, type) else str(kind)
        lines.append(_row(f"`{name}`", f"`{shown}`", _default(SessionConfig, name), meaning))
    return "\n".join(lines) + "\n"


_SETTINGS = """\
## Of the process

The environment decides; the same for the library, the command line and the service.
"""

_SESSIONS = """\
## Of a session

Given when a session is made, changed while it lives, overridden for one prediction: in the library
as keyword arguments, over HTTP in a `config`. What cannot be used is refused with the reason, and
nothing is changed.
"""


def described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What a structure's documentation says of its attributes."""
    text = inspect.getdoc(kind) or ""
    section = re.search(r"Attributes:\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    assert section is not None
    found = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section[1], re.DOTALL | re.MULTILINE)
    return {name: _one_line(meaning) for name, meaning in found}


def _default(kind: type[msgspec.Struct], name: str) -> str:
    if name in ("data_dir", "cache_dir"):
        return "the user's folder"
    [field] = [each for each in msgspec.structs.fields(kind) if each.name == name]
    if field.default is None:
        return "none"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("``", "`") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.split())


DOCUMENTS: dict[str, Callable[[], str]] = {
    "api.md": api_reference,
    "configuration.md": configuration_reference,
}

if __name__ == "__main__":
    main()
