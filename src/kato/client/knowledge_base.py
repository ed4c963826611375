"""The calls of a knowledge base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec

from kato.client.call import Call, Steps, ask, changing, nothing, path_of, reading
from kato.client.given import (
    Events,
    config_given,
    encodable,
    events_given,
    example_given,
    text_given,
)
from kato.client.reading import (
    Affinities,
    Affinity,
    Change,
    PatternPage,
    Symbols,
    name_or_none,
    read_changes,
    reader,
)
from kato.errors import (
    InvalidInput,
    InvalidSearch,
    KnowledgeBaseNotFound,
    NothingToUndo,
    PatternNotFound,
)
from kato.model.emotive import Emotives, checked_emotives, checked_metadata
from kato.model.example import Example
from kato.model.explanation import Explanation
from kato.model.naming import bare_name
from kato.model.pattern import Pattern
from kato.model.prediction import Predictions
from kato.model.statistics import KnowledgeBaseStatistics, LearnReport, SymbolStatistics
from kato.model.undoable import Undoable

T = TypeVar("T")

BATCH_SEQUENCES = 500
"""Sequences in one call of :meth:`KnowledgeBaseCalls.learn_many`."""

BATCH_BYTES = 4 << 20
"""Bytes after which a call of it holds no more: a service takes 16 MiB unless it says otherwise."""


class KnowledgeBaseCalls:
    """What a knowledge base can be asked.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self.name = text_given(name, "a knowledge base's name")
        if not name:
            raise InvalidInput("a service has no knowledge base without a name", remedy="name it")

    def learn(
        self,
        events: Events,
        *,
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Steps[str | None]:
        """Learn a sequence as a pattern; durable when it returns.

        Args:
            events: A list of events, each a list of symbols; empty events are left out.
            emotives: Numbers by name that were felt with it.
            metadata: Anything by name; values are kept as text.

        Returns:
            The pattern's name, or None if there are fewer than two symbols: they are no pattern.

        Raises:
            InvalidInput: Something given cannot be used; nothing was learned.
            StoreFull: The journal is full; nothing was learned.
        """
        given = example_given(Example(events, emotives or {}, metadata or {}))
        learned = (yield from ask(self._learn([msgspec.Raw(msgspec.json.encode(given))])))[0]
        return learned.name()

    def learn_many(self, sequences: Iterable[Events | Example]) -> Steps[LearnReport]:
        """Learn sequences in the order given, several in a call; durable when it returns.

        A sequence that cannot be used ends it; those before it are learned.

        Raises:
            InvalidInput: A sequence cannot be used.
            StoreFull: The journal is full; what was learned so far stays.
        """
        given = new = known = 0
        for batch in _batches(sequences):
            results = yield from ask(self._learn(batch))
            names = [result.name() for result in results]
            given += len(batch)
            new += sum(result.new for result in results)
            known += sum(
                name is not None and not each.new for name, each in zip(names, results, strict=True)
            )
        return LearnReport(given, new, known, given - new - known)

    def predict(
        self, /, events: Events, *, explain: bool = False, **config: Any
    ) -> Steps[Predictions]:
        """Predict from a memory of events: what came before, what is missing, what comes next.

        Args:
            events: The memory, a list of events; the knowledge base is not changed.
            explain: Whether to tell how the answer was found, in its ``explanation``.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidInput: The events or a configuration value cannot be used.
        """
        body = {"events": events_given(events), "config": _whole(config), "explain": explain}
        return ask(reading(self._path("predictions"), _read_predictions, body=body))

    def explain(
        self, /, events: Events, pattern: str | None = None, **config: Any
    ) -> Steps[Explanation]:
        """How a predict with the same arguments is answered.

        Args:
            events: The memory, a list of events; the knowledge base is not changed.
            pattern: The name of a pattern, with or without ``PTRN|``: the verdict says why it is
                in the answer or not.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidInput: The events or a configuration value cannot be used.
        """
        body = {"events": events_given(events), "config": _whole(config), "pattern": pattern}
        return ask(reading(self._path("explanation"), _read_explanation, body=body))

    def get(self, name: str) -> Steps[Pattern]:
        """The pattern of that name, with or without ``PTRN|``.

        Raises:
            PatternNotFound: There is none.
        """
        path = self._path("patterns", bare_name(name))
        return ask(reading(path, _read_pattern, missing=PatternNotFound))

    def patterns(
        self,
        *,
        symbol: str | None = None,
        prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Steps[PatternPage]:
        """A page of patterns, in the order they were first learned; all that is given must fit.

        Args:
            symbol: A symbol they hold.
            prefix: What their name begins with, with or without ``PTRN|``.
            metadata: A value they carry, by its key; a service searches by one.
            after: What the page before says is next.
            limit: Patterns in the page, 1 to 1000.

        Raises:
            InvalidInput: Something given cannot be used.
        """
        query = _conditions(symbol, prefix, metadata) | {"limit": str(limit)}
        if after is not None:
            query["after"] = after
        return ask(reading(self._path("patterns"), _read_page, query=query))

    def count(
        self,
        *,
        symbol: str | None = None,
        prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Steps[int]:
        """How many patterns :meth:`patterns` finds in all its pages.

        Raises:
            InvalidInput: Something given cannot be used.
        """
        query = _conditions(symbol, prefix, metadata)
        return ask(reading(self._path("patterns", "count"), _read_count, query=query))

    def edit(
        self,
        name: str,
        *,
        frequency: int | None = None,
        emotives: Sequence[Mapping[str, float]] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
    ) -> Steps[Pattern]:
        """Change what a pattern carries, and every counter with it; its events stay.

        Args:
            name: The pattern's name, with or without ``PTRN|``.
            frequency: How often it shall count as learned, 1 to 1e9.
            emotives: All its records, oldest first, at most 100.
            metadata: All its values, by key; they are kept as text.

        Returns:
            The pattern as it is then.

        Raises:
            InvalidInput: Something given cannot be used; nothing was changed.
            PatternNotFound: There is none.
        """
        body: dict[str, Any] = {}
        if frequency is not None:
            body["frequency"] = frequency
        if emotives is not None:
            body["emotives"] = [checked_emotives(record) for record in emotives]
        if metadata is not None:
            body["metadata"] = {key: list(map(str, values)) for key, values in metadata.items()}
        if not encodable(body, "an edit"):
            raise InvalidSearch("the edit changes nothing", remedy="give what is to change")
        path = self._path("patterns", bare_name(name))
        return ask(changing("PATCH", path, _read_pattern, body=body, missing=PatternNotFound))

    def forget(self, name: str) -> Steps[None]:
        """Forget the pattern of that name: it and its share of every counter are gone.

        Raises:
            PatternNotFound: There is none.
        """
        path = self._path("patterns", bare_name(name))
        return ask(changing("DELETE", path, nothing, missing=PatternNotFound))

    def clear(self) -> Steps[None]:
        """Forget everything in this knowledge base, at once.

        Raises:
            StoreFull: The journal is full; nothing was cleared.
        """
        return ask(changing("POST", self._path("clear"), nothing))

    def undo(self, *, replace: bool = False) -> Steps[Undoable]:
        """Give back what was cleared or forgotten last, just as it was.

        Args:
            replace: Whether what was learned since gives way; that can be undone in its turn.

        Raises:
            NothingToUndo: Nothing was taken away, or too long ago.
            Conflict: Something was learned since that would have to give way; nothing was changed.
        """
        query = {"replace": "true" if replace else "false"}
        call = changing(
            "POST", self._path("undo"), _read_change, query=query, missing=NothingToUndo
        )
        return (yield from ask(call)).undoable()

    def undoable(self) -> Steps[list[Undoable]]:
        """What can be undone, the last change first; at most 1000."""
        return read_changes(self._path("undo"))

    def stats(self) -> Steps[KnowledgeBaseStatistics]:
        """How much it holds."""
        try:
            found: KnowledgeBaseStatistics = yield self._read(_read_statistics)
        except KnowledgeBaseNotFound:  # it comes to be with its first pattern
            return KnowledgeBaseStatistics(0, 0, 0, 0)
        return found

    def symbols(self) -> Steps[Iterator[SymbolStatistics]]:
        """What is counted about each symbol, in the order they were first learned."""
        node = {"node_id": self.name}
        counts = yield from ask(reading("/symbols/stats", _read_symbols, query=node))
        felt = yield from ask(reading("/symbols/affinity", _read_affinities, query=node))
        return iter(
            [
                SymbolStatistics(
                    symbol,
                    each.frequency,
                    each.pattern_member_frequency,
                    felt.affinities.get(symbol, {}),
                )
                for symbol, each in counts.symbols.items()
            ]
        )

    def affinity(self, symbol: str) -> Steps[Emotives]:
        """By emotive, the sum over the learns that held the symbol of the emotive's mean.

        Empty if the symbol is not known.
        """
        path = path_of("symbols", text_given(symbol, "a symbol"), "affinity")
        found = yield from ask(reading(path, _read_affinity, query={"node_id": self.name}))
        return found.affinity

    def _learn(self, sequences: list[msgspec.Raw]) -> Call[list[_Learned]]:
        return changing("POST", self._path("learn"), _read_learned, body={"sequences": sequences})

    def _read(self, read: Callable[[bytes], T]) -> Call[T]:
        return reading(self._path(), read, missing=KnowledgeBaseNotFound)

    def _path(self, *parts: str) -> str:
        return path_of("nodes", self.name, *parts)


class _Learned(msgspec.Struct, frozen=True):
    status: str
    pattern_name: str | None = None
    new: bool = False
    message: str = ""

    def name(self) -> str | None:
        """The pattern's name; None if it was too short to be one."""
        if self.status == "error":
            raise InvalidInput(self.message)
        return name_or_none(self.pattern_name)


class _AllLearned(msgspec.Struct, frozen=True):
    results: list[_Learned]


class _Count(msgspec.Struct, frozen=True):
    count: int


_read_predictions = reader(Predictions)
_read_explanation = reader(Explanation)
_read_change = reader(Change)
_read_statistics = reader(KnowledgeBaseStatistics)
_read_symbols = reader(Symbols)
_read_affinities = reader(Affinities)
_read_affinity = reader(Affinity)
_decode_pattern = reader(Pattern)
_decode_page = reader(PatternPage)
_decode_learned = reader(_AllLearned)
_decode_count = reader(_Count)


def _read_learned(body: bytes) -> list[_Learned]:
    return _decode_learned(body).results


def _read_count(body: bytes) -> int:
    return _decode_count(body).count


def _read_pattern(body: bytes) -> Pattern:
    return _bare(_decode_pattern(body))


def _read_page(body: bytes) -> PatternPage:
    page = _decode_page(body)
    return PatternPage(list(map(_bare, page.patterns)), page.next)


def _bare(pattern: Pattern) -> Pattern:
    return msgspec.structs.replace(pattern, name=bare_name(pattern.name))


def _whole(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a call; what the wire would change along with a key is told as it is."""
    given = config_given(config)
    if "use_token_matching" in given:
        given.setdefault("sort_symbols", True)
    return given


def _conditions(
    symbol: str | None, prefix: str | None, metadata: Mapping[str, Any] | None
) -> dict[str, str]:
    given = {"symbol": symbol, "prefix": prefix}
    if metadata:
        if len(metadata) > 1:
            raise InvalidSearch("a service searches by one key of metadata", remedy="give one")
        ((given["metadata_key"], given["metadata_value"]),) = checked_metadata(metadata).items()
    return {key: text_given(text, key) for key, text in given.items() if text is not None}


def _batches(sequences: Iterable[Events | Example]) -> Iterator[list[msgspec.Raw]]:
    """The sequences, encoded, in parts; those before one that cannot be used are a part too."""
    remaining = iter(sequences)
    for first in remaining:
        batch: list[msgspec.Raw] = []
        size = 0
        try:
            for sequence in chain([first], remaining):
                encoded = msgspec.json.encode(example_given(sequence))
                batch.append(msgspec.Raw(encoded))
                size += len(encoded)
                if len(batch) == BATCH_SEQUENCES or size > BATCH_BYTES:
                    break
        except BaseException:
            if batch:
                yield batch
            raise
        yield batch
