"""Short-term memory: the recent events, with what was felt and known about each.

Nothing here knows a store: a step takes a state and gives the next one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kato.memory.learning import Material
from kato.model.config import SessionConfig
from kato.model.emotive import Emotives, accumulate_metadata
from kato.model.event import Event

CAPACITY = 1000
"""Newest events that are kept."""


class Moment(msgspec.Struct, frozen=True):
    """An event and what came with it.

    Attributes:
        event: Its symbols; empty only for what was observed before any event.
        emotives: Records that belong to it, oldest first.
        metadata: Records that belong to it.
        vectors: By symbol, vectors that are stored when it is learned.
    """

    event: Event
    emotives: tuple[Emotives, ...] = ()
    metadata: tuple[dict[str, str], ...] = ()
    vectors: dict[str, list[float]] = {}

    def joined(self, later: Moment) -> Moment:
        """This moment with what a later one, or an earlier one without an event, brings."""
        return Moment(
            self.event or later.event,
            self.emotives + later.emotives,
            self.metadata + later.metadata,
            {**self.vectors, **later.vectors},
        )


class ShortTermMemory(msgspec.Struct, frozen=True):
    """The state of a session.

    Attributes:
        config: Its configuration.
        moments: Its events, oldest first.
        early: What was observed before any event; it belongs to the next one.
        time: Observations so far, empty ones included.
        percept: The last observation, as it was given.
        position: How far the stream that it follows was read, in the words of who reads it; empty
            if it follows none.
    """

    config: SessionConfig = SessionConfig()
    moments: tuple[Moment, ...] = ()
    early: Moment = Moment([])
    time: int = 0
    percept: dict[str, Any] = {}
    position: str = ""

    @property
    def events(self) -> list[Event]:
        """The events, oldest first."""
        return [moment.event for moment in self.moments]

    def observed(self, moment: Moment, percept: dict[str, Any]) -> ShortTermMemory:
        """After one more observation.

        What comes without an event belongs to the event before it, or to the next if there is none.
        """
        moments, early = self.moments, self.early
        if moment.event:
            moments, early = (*moments, early.joined(moment)), Moment([])
        elif moments:
            moments = (*moments[:-1], moments[-1].joined(moment))
        else:
            early = early.joined(moment)
        return msgspec.structs.replace(
            self,
            moments=moments[-CAPACITY:],
            early=early,
            time=self.time + 1,
            percept=percept,
        )

    def is_due(self) -> bool:
        """Whether it is to be learned by itself."""
        return 0 < self.config.max_pattern_length <= len(self.moments)

    def after_auto_learn(self) -> ShortTermMemory:
        """What an automatic learn leaves: nothing, or in ROLLING mode all but the oldest event.

        Of more than ``max_pattern_length`` events, ROLLING keeps the newest that leave room for one
        more.
        """
        kept = self.config.max_pattern_length - 1 if self.config.stm_mode == "ROLLING" else 0
        return msgspec.structs.replace(self, moments=self.moments[len(self.moments) - kept :])

    def emptied(self) -> ShortTermMemory:
        """After a learn: no events, and nothing that came with them."""
        return msgspec.structs.replace(self, moments=(), early=Moment([]))

    def cleared(self) -> ShortTermMemory:
        """As at the beginning, with the same configuration, at the same place of a stream."""
        return ShortTermMemory(self.config, position=self.position)

    def material(self) -> Material:
        """What there is to learn."""
        emotives = [record for moment in self.moments for record in moment.emotives]
        metadata = [record for moment in self.moments for record in moment.metadata]
        vectors = {n: v for moment in self.moments for n, v in moment.vectors.items()}
        return Material(self.events, emotives, accumulate_metadata(metadata), vectors)
