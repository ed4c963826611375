"""Keys: who may do what on which nodes, from a file that may change at any time."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from kato.errors import InvalidConfig

Right = Literal["read", "write", "metrics"]

ALL_NODES = "*"

_Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key opens.

    Attributes:
        name: What logs and messages call it.
        nodes: The nodes, by name or pattern (``*``, ``?``, ``[…]``).
        rights: What may be done with them.
        requests_per_second: How many requests a worker takes of it; None leaves it to the settings,
            0 is no limit.

    >>> key = Key(name="ann", nodes=("ann", "team-*"), rights=("read",))
    >>> key.opens("team-red", "read"), key.opens("team-red", "write"), key.opens("bob", "read")
    (True, False, False)
    >>> key.opens(None, "read")
    False
    """

    name: str
    nodes: str | tuple[str, ...] = (ALL_NODES,)
    rights: tuple[Right, ...] = ("read",)
    requests_per_second: Annotated[float, msgspec.Meta(ge=0)] | None = None

    def opens(self, node: str | None, right: Right) -> bool:
        """Whether it gives the right to a node; to all of them where none is named."""
        nodes = (self.nodes,) if isinstance(self.nodes, str) else self.nodes
        if right not in self.rights:
            return False
        if node is None:
            return ALL_NODES in nodes
        return any(fnmatchcase(node, pattern) for pattern in nodes)


class _Line(Key, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hash: _Hash

    def key(self) -> Key:
        return Key(
            name=self.name,
            nodes=self.nodes,
            rights=self.rights,
            requests_per_second=self.requests_per_second,
        )


class KeyFile:
    """The keys of a file, read again when it changes.

    A file in TOML has a line for each key, its hash before what it opens; another file has lines of
    JSON, with the ``hash`` in it.

    Args:
        path: The file.

    >>> import tempfile
    >>> secret, made = new_secret(), Key(name="ann", nodes=("ann",))
    >>> path = Path(tempfile.mkdtemp()) / "keys.toml"
    >>> _ = path.write_text(toml_line(hash_of(secret), made))
    >>> keys = KeyFile(path)
    >>> keys.find(secret) == made, keys.find("another")
    (True, None)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._keys: dict[str, Key] = {}

    def find(self, secret: str) -> Key | None:
        """The key that a secret is of.

        Raises:
            InvalidConfig: The file cannot be read: no key is known then.
        """
        self.refresh()
        sent, found = hash_of(secret), None
        for kept, key in self._keys.items():  # all of them, so that time tells nothing
            if hmac.compare_digest(sent, kept):
                found = key
        return found

    def refresh(self) -> None:
        """Read the file if it changed.

        Raises:
            InvalidConfig: It cannot be read, or says what it must not.
        """
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                self._keys = _read(self._path)
                self._seen = seen
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._keys, self._seen = {}, ()
            raise InvalidConfig({"KATO_API_KEYS_FILE": f"{self._path}: {error}"}) from error


def new_secret() -> str:
    """A new key, of 256 random bits."""
    return f"kato_{secrets.token_urlsafe(32)}"


def hash_of(secret: str) -> str:
    """What is kept of a key; as it is random, nobody finds it from this."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def toml_line(hashed: str, key: Key) -> str:
    """A key as a line of a TOML file.

    >>> print(toml_line("ab12", Key(name="ann", nodes=("a",))))
    "ab12" = { name = "ann", nodes = ["a"], rights = ["read"] }
    """
    fields = ", ".join(f"{name} = {_toml(value)}" for name, value in _fields(key).items())
    return f'"{hashed}" = {{ {fields} }}'


def json_line(hashed: str, key: Key) -> str:
    """A key as a line of JSON.

    >>> print(json_line("ab12", Key(name="ann", nodes=("a",))))
    {"hash": "ab12", "name": "ann", "nodes": ["a"], "rights": ["read"]}
    """
    return json.dumps({"hash": hashed, **_fields(key)})


def _fields(key: Key) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(key)
    if key.requests_per_second is None:
        del fields["requests_per_second"]
    return fields


def _toml(value: Any) -> str:
    # Strings of JSON are strings of TOML, but for escaped surrogates and for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(path: Path) -> dict[str, Key]:
    if path.suffix == ".toml":
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), dict[_Hash, Key])
    decoder = msgspec.json.Decoder(_Line)
    lines = [decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    return {line.hash: line.key() for line in lines}
