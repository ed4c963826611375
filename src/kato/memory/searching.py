"""Pages of patterns: those in the journal's tail first, then ClickHouse, merged by id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.errors import Conflict, InvalidSearch, shown
from kato.memory.predicting import ATTEMPTS, Predictor
from kato.model.emotive import Emotives, checked_metadata
from kato.model.event import check_text, flattened
from kato.model.naming import bare_name
from kato.model.pattern import Pattern
from kato.model.vector import is_vector_symbol
from kato.storage.batches import Writer
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.counters import Counters, Look
from kato.storage.ledger.journal import Sequences, State
from kato.storage.ledger.tail import TailView

LARGEST_PAGE = 1000
"""Patterns in a page."""

IDS_AT_ONCE = 10_000
"""Ids that one statement names; where the tail changes more patterns, it is written first."""

_MASK = npt.NDArray[np.bool_]


class PatternPage(msgspec.Struct, frozen=True):
    """Some of the patterns that were searched for, in the order they were first learned.

    Attributes:
        patterns: The patterns; fewer than asked for where some were forgotten meanwhile.
        affinities: For each, by emotive, its share of its symbols' affinity sums.
        vectors: For each, by symbol, the vectors that its symbols stand for.
        next: Where the next page begins; None if this is the last one.
    """

    patterns: list[Pattern]
    affinities: list[Emotives]
    vectors: list[dict[str, list[float]]]
    next: str | None


class Search(msgspec.Struct, frozen=True):
    """What patterns are searched by; all that is given must fit.

    Attributes:
        symbol: A symbol they hold.
        prefix: What their name begins with.
        metadata: Values they carry, by key.
    """

    symbol: str | None = None
    prefix: str = ""
    metadata: dict[str, str] = {}

    @classmethod
    def checked(
        cls, symbol: str | None, prefix: str | None, metadata: Mapping[str, Any] | None
    ) -> Search:
        """A search by what a caller gave.

        Raises:
            InvalidInput: Something given is no text.
        """
        for text in (symbol, prefix):
            if text is not None:
                check_text(text, "what is searched for")
        return cls(symbol, bare_name(prefix or ""), checked_metadata(metadata))

    @property
    def texts(self) -> list[str]:
        """Symbols whose ids it needs."""
        return [] if self.symbol is None else [self.symbol]

    @property
    def is_hopeless(self) -> bool:
        """Whether no pattern can have such a name."""
        return re.fullmatch(r"[0-9a-f]{0,40}", self.prefix) is None

    def fits(self, state: State) -> bool:
        """Whether a pattern that carries this may be searched for."""
        return all(value in state.metadata.get(key, ()) for key, value in self.metadata.items())


class Searcher:
    """Finds and counts the patterns of knowledge bases by name; safe for threads.

    Args:
        counters: The ledger's counters.
        tables: ClickHouse's tables.
        predictor: Knows the journal's tail, and the texts of symbols.
        writer: Carries the journal to ClickHouse.
    """

    def __init__(
        self, counters: Counters, tables: PatternTables, predictor: Predictor, writer: Writer
    ) -> None:
        self._counters = counters
        self._tables = tables
        self._predictor = predictor
        self._writer = writer

    def page(self, kb: str, search: Search, after: str | None, limit: int) -> PatternPage:
        """A page of patterns.

        Raises:
            InvalidSearch: The limit or the cursor is none.
            Conflict: The knowledge base was cleared since the page before.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE:
            raise InvalidSearch(
                f"a page has 1 to {LARGEST_PAGE} patterns, got {shown(limit)}",
                remedy="ask for further pages by what the last one says is next",
            )
        begun = _cursor_of(after)
        view = self._view(kb, search)
        if view is None:
            return PatternPage([], [], [], None)
        if begun is not None and begun[0] != view.look.kb:
            raise Conflict(
                "the knowledge base was cleared since the page before",
                remedy="begin with the first page",
            )
        found = self._found(view, begun[1] if begun else 0, limit + 1)
        is_last = len(found.ids) <= limit
        found = found.take(np.arange(min(limit, len(found.ids))))
        following = None if is_last else f"{view.look.kb}-{found.ids[-1]}"
        return self._told(view, found, following)

    def count(self, kb: str, search: Search) -> int:
        """How many patterns there are to be found."""
        view = self._view(kb, search)
        if view is None:
            return 0
        condition, parameters = view.condition(0)
        stored = self._tables.counts(view.look.kb, condition, [], parameters)[0]
        return stored + len(view.recent(0).ids)

    def _found(self, view: _View, after: int, limit: int) -> Sequences:
        condition, parameters = view.condition(after)
        stored = self._tables.first(view.look.kb, condition, parameters, limit)
        recent = view.recent(after)
        rest = min(limit - len(stored.ids), len(recent.ids))
        return Sequences.join([stored, recent.take(np.arange(rest))])

    def _told(self, view: _View, found: Sequences, following: str | None) -> PatternPage:
        if not len(found.ids):
            return PatternPage([], [], [], None)
        events = self._predictor.worded(view.look.kb, found, view.tail)
        carried = self._counters.carried(view.look.kb, found.ids)
        patterns, affinities = [], []
        for row, (sequence, each) in enumerate(zip(events, carried, strict=True)):
            if not each.frequency:  # forgotten meanwhile
                continue
            affinities.append(each.state.felt)
            patterns.append(
                Pattern(
                    name=found.names[row].tobytes().hex(),
                    events=sequence,
                    length=len(flattened(sequence)),
                    frequency=each.frequency,
                    emotives=each.state.emotives,
                    metadata=each.state.metadata,
                )
            )
        vectors = self._vectors(view, patterns)
        return PatternPage(patterns, affinities, vectors, following)

    def _vectors(self, view: _View, patterns: list[Pattern]) -> list[dict[str, list[float]]]:
        named = [
            [symbol for symbol in flattened(pattern.events) if is_vector_symbol(symbol)]
            for pattern in patterns
        ]
        names = sorted({name for each in named for name in each})
        stored = self._tables.vectors(view.look.kb, names) if names else {}
        known = {**stored, **view.tail.vectors}
        return [{name: known[name] for name in each if name in known} for each in named]

    def _view(self, kb: str, search: Search) -> _View | None:
        """What there is to be searched at this moment; None if nothing can be found."""
        if search.is_hopeless:
            return None
        for _ in range(ATTEMPTS):
            seen = self._predictor.view(kb, search.texts)
            if seen is None or not all(seen[0].symbols):
                return None
            view = _View(*seen, search)
            if view.changes <= IDS_AT_ONCE:
                return view
            self._writer.flush()
        raise Conflict("patterns change faster than they are written", remedy="try again")


class _View:
    """A search at one moment.

    Ids ascend in the journal: those from the tail's first new pattern on are in the tail, all
    before are in ClickHouse.
    """

    def __init__(self, look: Look, tail: TailView, search: Search) -> None:
        self.look = look
        self.tail = tail
        self._search = search
        self._recent = Sequences.join(tail.sequences)
        self._bound = int(self._recent.ids[0]) if len(self._recent.ids) else look.last_pattern + 1
        before = {i: state for i, state in tail.states.items() if i < self._bound}
        self._changed = before if search.metadata else {}
        self._gone = [i for i in tail.forgotten if i < self._bound]

    @property
    def changes(self) -> int:
        """Stored patterns of which the tail knows better than ClickHouse."""
        return len(self._changed) + len(self._gone)

    def recent(self, after: int) -> Sequences:
        """Patterns of the tail with a greater id."""
        recent, search = self._recent.without(self.tail.forgotten), self._search
        wanted: _MASK = recent.ids > after
        if search.symbol is not None:
            wanted &= _holding(recent, self.look.symbols[0])
        if search.prefix:
            names = (name.tobytes().hex() for name in recent.names)
            wanted &= np.array([name.startswith(search.prefix) for name in names], np.bool_)
        if search.metadata:
            states = (self.tail.states.get(i, State()) for i in recent.ids.tolist())
            wanted &= np.array([search.fits(state) for state in states], np.bool_)
        return recent.take(np.flatnonzero(wanted))

    def condition(self, after: int) -> tuple[str, dict[str, Any]]:
        """Of the stored patterns, those with a greater id, in SQL, and its parameters."""
        search = self._search
        conditions = ["id > {after:UInt64} AND id < {bound:UInt64}"]
        values: dict[str, Any] = {"after": after, "bound": self._bound}
        if self._gone:
            conditions.append("id NOT IN {gone:Array(UInt64)}")
            values["gone"] = self._gone
        if search.symbol is not None:
            conditions.append("has(symbols, {symbol:UInt32})")
            values["symbol"] = self.look.symbols[0]
        if search.prefix:
            conditions.append("startsWith(lower(hex(name)), {prefix:String})")
            values["prefix"] = search.prefix
        if search.metadata:
            conditions.append(self._by_metadata(values))
        return " AND ".join(conditions), values

    def _by_metadata(self, values: dict[str, Any]) -> str:
        """By the newest states: those in ClickHouse, but where the tail has a newer one."""
        wanted = []
        for place, (key, value) in enumerate(self._search.metadata.items()):
            wanted.append(
                f"has(metadata[unhex({{key{place}:String}})], unhex({{value{place}:String}}))"
            )
            # As digits: some control characters do not survive the way of a parameter.
            values[f"key{place}"] = key.encode().hex()
            values[f"value{place}"] = value.encode().hex()
        condition = (
            "id IN (SELECT id FROM states FINAL WHERE kb = {kb:UInt32} "  # noqa: S608 - names of parameters only
            f"AND id > {{after:UInt64}} AND {' AND '.join(wanted)})"
        )
        if self._changed:
            values["changed"] = list(self._changed)
            condition = f"id NOT IN {{changed:Array(UInt64)}} AND {condition}"
        fitting = [i for i, state in self._changed.items() if self._search.fits(state)]
        if fitting:
            values["fitting"] = fitting
            condition = f"id IN {{fitting:Array(UInt64)}} OR {condition}"
        return f"({condition})"


def _holding(sequences: Sequences, symbol: int) -> _MASK:
    """Which of the patterns hold a symbol."""
    holding = np.zeros(len(sequences.ids), np.bool_)
    places = np.flatnonzero(sequences.symbols == symbol)
    holding[np.searchsorted(sequences.offsets, places, side="right") - 1] = True
    return holding


def _cursor_of(after: str | None) -> tuple[int, int] | None:
    """The number of the knowledge base and the last id of the page before.

    >>> _cursor_of("3-17")
    (3, 17)
    """
    if after is None:
        return None
    if not isinstance(after, str) or not re.fullmatch(r"[0-9]{1,18}-[0-9]{1,18}", after, re.ASCII):
        raise InvalidSearch(
            f"{shown(after)} is not where a page begins", remedy="give what a page says is next"
        )
    kb, _, last = after.partition("-")
    return int(kb), int(last)
