"""The bridge: a stream of candles or trades, observed and learned as it comes.

A session keeps its place in the stream together with its short-term memory and what it learns, in
one step of the ledger. So a bridge that dies at any moment is begun anew by whoever likes, and no
candle is observed twice, and none is left out; two bridges on one session do not harm each other.

An item that appears behind the place, as a late trade does, is not observed any more: a stream
should give what is sealed, or wait as long as trades may be late.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kato.errors import Conflict, InvalidInput
from kato.market.encoding import Encoding
from kato.market.measures import BridgeMeasures
from kato.market.streams import Item, Place, Stream
from kato.memory import KnowledgeBase, Memory
from kato.model.answers import Observation
from kato.model.event import Event
from kato.model.prediction import Prediction
from kato.model.voting import most_voted, votes
from kato.session import Session

STEP_ITEMS = 256
"""Items that are observed in one step of the ledger."""

UNUSED_SECONDS = 366 * 24 * 3600
"""How long a session keeps its place in a stream that nobody reads on."""

EVENTS = 5
"""Events of a learned window, by default."""

_SUBJECT = "market encoding"


class Guess(msgspec.Struct, frozen=True):
    """What comes next, of one feature.

    Attributes:
        symbol: The symbol with the most votes.
        share: Its share of the votes for symbols of its feature, 0 to 1.
    """

    symbol: str
    share: float


class Seen(msgspec.Struct, frozen=True):
    """An item that was observed.

    Attributes:
        item: The item.
        event: As what it was observed.
        learned: Name of the pattern that was learned with it, if one was.
    """

    item: Item
    event: Event
    learned: str | None


def encoding_of(memory: Memory, kb: str) -> Encoding | None:
    """The encoding that was agreed on for a knowledge base; None if none was."""
    note = memory.notes(_SUBJECT).read(kb)
    return None if note is None else msgspec.json.decode(note, type=Encoding)


def agree(memory: Memory, kb: str, encoding: Encoding) -> Encoding:
    """Agree on an encoding for a knowledge base, unless there is one; answers the one there is.

    It is kept in the ledger by the knowledge base's name: what is learned live and what is asked
    offline is encoded alike, whoever begins first.
    """
    note = memory.notes(_SUBJECT).agree(kb, msgspec.json.encode(encoding))
    return msgspec.json.decode(note, type=Encoding)


def forget_encoding(memory: Memory, kb: str) -> None:
    """Agree on none; of use before a knowledge base that was cleared is taught anew."""
    memory.notes(_SUBJECT).remove(kb)


def session_for(
    kb: KnowledgeBase, stream: Stream, *, events: int = EVENTS, session_id: str | None = None
) -> Session:
    """The session that follows a stream into a knowledge base; begun if it is not there.

    Args:
        kb: Where it learns.
        stream: What it follows.
        events: Events of the windows that are learned, 2 or more.
        session_id: In place of the one that the two names make.

    Raises:
        InvalidInput: It follows another stream.
    """
    if events < 2:
        raise InvalidInput(f"a window of {events} event is no pattern", remedy="give 2 or more")
    session = Session(
        kb,
        session_id or f"market {kb.name} {stream.name}",
        ttl_seconds=UNUSED_SECONDS,
        max_pattern_length=events,
        stm_mode="ROLLING",
    )
    _place_of(session, stream)
    return session


class Bridge:
    """Observes a stream through a session that learns each window of events.

    Args:
        session: As :func:`session_for` makes it.
        encoding: How items become events.
        stream: What it follows.
        measures: Where it counts; its own by default.

    >>> import tempfile, kato
    >>> from decimal import Decimal
    >>> from kato.market.encoding import Tick, fit
    >>> from kato.market.streams import History
    >>> ticks = [Tick(p + 1, p, p, Decimal(1)) for p in map(Decimal, (10, 20, 10) * 9)]
    >>> history = History("example", [Item(i, tick) for i, tick in enumerate(ticks)])
    >>> encoding = fit(ticks, timeframe="1m", bins=3, window=1, features=["ret"])
    >>> with kato.open(tempfile.mkdtemp()) as memory:
    ...     kb = memory.knowledge_base("moves")
    ...     bridge = Bridge(session_for(kb, history, events=3), encoding, history)
    ...     len(bridge.step()), bridge.step(), bridge.guesses()["ret"].symbol
    (26, None, 'ret:0')
    """

    def __init__(
        self,
        session: Session,
        encoding: Encoding,
        stream: Stream,
        measures: BridgeMeasures | None = None,
    ) -> None:
        self.session = session
        self.encoding = encoding
        self.stream = stream
        self.measures = measures or BridgeMeasures()
        self._guessed: dict[str, Guess] = {}

    def step(self, limit: int = STEP_ITEMS) -> list[Seen] | None:
        """Observe what is new, about ``limit`` items at the most.

        Items without enough before them to make an event are passed over.

        Returns:
            What was observed; None if there was nothing new.

        Raises:
            InvalidInput: The session follows another stream.
            StoreUnavailable: The stream or the ledger does not answer.
        """
        place = _place_of(self.session, self.stream)
        stretch = self.stream.read(place, self.encoding.window, limit)
        if not stretch.items:
            return None
        ticks = [item.tick for item in (*stretch.before, *stretch.items)]
        events = list(self.encoding.events(ticks))
        last = stretch.items[-1]
        until = Place(self.stream.name, last.time, last.order)
        since = "" if place is None else place.text()
        try:
            observed = self.session.follow(map(Observation, events), since, until.text())
        except Conflict:
            return []  # another bridge was faster; the next step is from where it is
        items = stretch.items[len(stretch.items) - len(events) :]
        names = [result.auto_learned_pattern for result in observed.results]
        seen = [Seen(*each) for each in zip(items, events, names, strict=True)]
        self._count(seen)
        return seen

    def guesses(self, **overrides: Any) -> dict[str, Guess]:
        """By feature, what comes next; nothing of a feature that no pattern tells of.

        Whether that of the first feature was right is counted when the next item is observed.

        Args:
            overrides: Keys of the session's configuration, for this call only.
        """
        self._guessed = guesses_of(self.session, self.encoding.features, **overrides)
        return self._guessed

    def follow(self, stop: threading.Event, seconds: float) -> Iterator[list[Seen]]:
        """Observe what comes until told to stop; gives what was observed, whenever something was.

        Args:
            stop: Set by who has seen enough.
            seconds: Between two looks at a stream that has nothing new.
        """
        while not stop.is_set():
            seen = self.step()
            if seen is None:
                stop.wait(seconds)
            elif seen:
                yield seen

    def _count(self, seen: list[Seen]) -> None:
        if not seen:
            return
        measures = self.measures
        measures.observed += len(seen)
        measures.learned += sum(each.learned is not None for each in seen)
        measures.observed_until = seen[-1].item.time / 1e9
        guess = self._guessed.get(self.encoding.features[0])
        if guess is not None:
            measures.guessed += 1
            measures.right += guess.symbol in seen[0].event
        self._guessed = {}


def guesses_of(session: Session, features: Sequence[str], **overrides: Any) -> dict[str, Guess]:
    """By feature, what comes next in a session, as its knowledge base remembers it."""
    observed = session.events
    if not observed:
        return {}
    return guesses_from(session.predict(**overrides).predictions, observed, features)


def guesses_from(
    predictions: Sequence[Prediction], observed: Sequence[Event], features: Sequence[str]
) -> dict[str, Guess]:
    """By feature, what predictions say comes next."""
    counted = votes(predictions, observed)
    found = {name: _guess(counted, f"{name}:") for name in features}
    return {name: guess for name, guess in found.items() if guess is not None}


def _guess(counted: Mapping[str, float], prefix: str) -> Guess | None:
    mine = {symbol: votes for symbol, votes in counted.items() if symbol.startswith(prefix)}
    symbol = most_voted(mine)
    return None if symbol is None else Guess(symbol, mine[symbol] / sum(mine.values()))


def _place_of(session: Session, stream: Stream) -> Place | None:
    text = session.position
    if not text:
        return None
    place = Place.parsed(text)
    if place.stream != stream.name:
        raise InvalidInput(
            f"session {session.id[:60]!a} follows {place.stream!a}, not {stream.name!a}",
            remedy="use a session of its own for each stream",
        )
    return place
