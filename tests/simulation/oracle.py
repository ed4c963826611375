"""What must hold of a schedule, said by the reference.

Everything that changes a memory is one step of the ledger. The oracle sees each as it is carried
out, so it knows the serial order and takes the same step on the reference. From this follows what
is checked: a call is carried out once at the most, before it is acknowledged; its answer is the
reference's; sessions are what the reference's are after every step; a read tells what was there at
one moment between its beginning and its end, and all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from tests.simulation.calls import KINDS, OPENING, SESSIONS, Call, Model
from tests.simulation.network import Request, Wire

import kato
from kato.errors import Conflict
from kato.session.short_term_memory import ShortTermMemory
from kato.storage.ledger.connection import SHARD

CHANGING = {"learn", "forget", "edit", "clear"}
"""Scripts that change what a memory holds."""


class Violation(AssertionError):
    """What must hold does not."""


class Moment(msgspec.Struct, frozen=True):
    """What there was between two changes.

    Attributes:
        frequencies: By name, how often each pattern was learned.
        lengths: By session, events in short-term memory.
    """

    frequencies: dict[str, int]
    lengths: dict[str, int]


class Oracle:
    """Watches a ledger and judges answers.

    Args:
        wire: The ledger.

    Attributes:
        model: What the changes come to.
        moments: What there was, from change to change.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._seen: list[Any] = [None] * (1 + len(SESSIONS))
        self.model = Model.empty()
        self.moments = [self._now()]

    def carried_out(self, request: Request) -> None:
        """Look at what a request changed, just after it was carried out."""
        if request.label not in CHANGING:
            return
        asked = [("HGET", f"{SHARD}:session:{name}", "version") for name in SESSIONS]
        found = self._wire.ask_all(("HGET", f"{SHARD}:journal:state", "sequence"), *asked)
        changed = [before != after for before, after in zip(self._seen, found, strict=True)]
        self._seen = found
        if any(changed):
            self._take(request.operation)
            for name, is_changed in zip(SESSIONS, changed[1:], strict=True):
                if is_changed:
                    self._check_session(name)

    def judge(self, call: Call, answer: Any, since: int) -> None:
        """Judge an answer to a call that began when there were so many moments."""
        between = self.moments[since - 1 :]
        if isinstance(answer, Exception):
            self._judge_refusal(call, answer, between)
        elif KINDS[call.kind].model is None:
            self._judge_read(call, answer, between)
        elif call.carried_out:
            _expect(answer == call.expected, f"{call} answers {answer}, not {call.expected}")
        else:
            void = call.kind == "empty" and any(not moment.frequencies for moment in between)
            _expect(void, f"{call} is acknowledged, and was not carried out")

    def _take(self, call: Call | None) -> None:
        _expect(call is not None, "something changed that nobody asked for")
        assert call is not None
        if call is OPENING:
            return
        _expect(not call.carried_out, f"{call} is carried out twice")
        call.carried_out = True
        model = KINDS[call.kind].model
        _expect(model is not None, f"{call} changes something")
        assert model is not None
        call.expected = model(self.model, call)
        self.moments.append(self._now())

    def _now(self) -> Moment:
        patterns = self.model.memory.patterns
        return Moment(
            {name: pattern["frequency"] for name, pattern in patterns.items()},
            {name: len(session.stm) for name, session in self.model.sessions.items()},
        )

    def _check_session(self, name: str) -> None:
        kept = self._wire.ask("HGET", f"{SHARD}:session:{name}", "state")
        state = msgspec.json.decode(kept, type=ShortTermMemory)
        session = self.model.sessions[name]
        found, expected = (state.events, state.time), (session.stm, session.time)
        _expect(found == expected, f"session {name} holds {found}, not {expected}")

    def _judge_refusal(self, call: Call, refusal: Exception, between: list[Moment]) -> None:
        void = KINDS[call.kind].void
        if void is not None and isinstance(refusal, void):
            is_void = _is_void_by_length if call.kind == "learn" else _is_void_by_name
            there = not any(is_void(call, moment) for moment in between)
            _expect(not there, f"{call} finds nothing where there is something")
            _expect(not call.carried_out, f"{call} is carried out and told that there is nothing")
            return
        moving = call.kind in {"predict", "get", "edit"} and len(between) > 1
        _expect(moving and isinstance(refusal, Conflict), f"{call} fails: {refusal!r}")

    def _judge_read(self, call: Call, answer: Any, between: list[Moment]) -> None:
        if call.kind == "get":
            seen = [moment.frequencies.get(call.arguments[0]) for moment in between]
            _expect(answer in seen, f"{call} answers {answer}, not one of {seen}")
        else:
            self._judge_prediction(call, answer, between)

    def _judge_prediction(
        self, call: Call, answer: kato.Predictions, between: list[Moment]
    ) -> None:
        names = [prediction.name.removeprefix("PTRN|") for prediction in answer]
        _expect(len(names) == len(set(names)), f"{call} answers a pattern twice: {names}")
        told = {name: prediction.frequency for name, prediction in zip(names, answer, strict=True)}
        always = set.intersection(*(set(moment.frequencies) for moment in between))
        _expect(always <= set(told), f"{call} misses {sorted(always - set(told))}")
        at_once = any(
            all(moment.frequencies.get(name) == n for name, n in told.items()) for moment in between
        )
        _expect(at_once, f"{call} answers {told}, which never was")


def _is_void_by_length(call: Call, moment: Moment) -> bool:
    return not moment.lengths[call.arguments[0]]


def _is_void_by_name(call: Call, moment: Moment) -> bool:
    return call.arguments[0] not in moment.frequencies


def _expect(condition: bool, complaint: str) -> None:
    if not condition:
        raise Violation(complaint)


Judge = Callable[[Call, Any, int], None]
