"""Names of knowledge bases: what KATO 3 made of a node's name, and which name it gets here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kato.errors import InvalidInput
from kato.model.event import check_text


def node_of(base: str, service_name: str = "kato") -> str:
    """The node's name as far as KATO 3 left it in the id of its knowledge base.

    KATO 3 put ``_`` in place of other signs and cut long names, which cannot be undone; behind it
    stands the name of the service.

    Args:
        base: The id of the knowledge base, or the name of a database.
        service_name: ``SERVICE_NAME`` of the old installation.

    >>> node_of("alice_kato"), node_of("user_123_my_service", "my-service"), node_of("other")
    ('alice', 'user_123', 'other')
    """
    return base.removesuffix("_" + service_name.replace("-", "_")) or base


class Targets:
    """Which knowledge base what comes from another goes to.

    Args:
        service_name: ``SERVICE_NAME`` of the old installation.
        given: By what the source calls it, the name it gets here; several may get the same.
    """

    def __init__(self, service_name: str = "kato", given: Mapping[str, str] | None = None) -> None:
        self._service_name = service_name
        self._given = dict(given or {})

    def __getitem__(self, base: str) -> str:
        return self._given.get(base) or node_of(base, self._service_name)


def mapping_of(pairs: Sequence[str]) -> dict[str, str]:
    """What options ``OLD=NEW`` say.

    Raises:
        InvalidInput: One has no ``=``, or names nothing.

    >>> mapping_of(["alice_kato=Alice", "bob_kato=Bob=2"])
    {'alice_kato': 'Alice', 'bob_kato': 'Bob=2'}
    """
    given = {}
    for pair in pairs:
        old, sign, new = pair.partition("=")
        if not (old and sign and new):
            raise InvalidInput(f"{pair!a} is no OLD=NEW", remedy="write --map alice_kato=alice")
        check_text(new, "a knowledge base's name")
        given[old] = new
    return given
