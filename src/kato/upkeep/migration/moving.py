"""From the stage into a knowledge base: step by step, each of them once.

Which steps are taken is kept in the ledger, and each step is an operation of the ledger, whose
answer is kept too. So a run that was killed is taken up by the next one, and one that was done
changes nothing. The content of the stage names what is moved in: another content is another move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from kato.errors import Conflict, InvalidInput
from kato.memory import KnowledgeBase, Memory, PatternCopy
from kato.memory.learning import LESSON_PATTERNS
from kato.model.emotive import Emotives
from kato.model.identity import new_id
from kato.storage.ledger.operations import Operation
from kato.upkeep.migration.stage import Stage

SUBJECT = "moved-in"
"""The notes in which the ledger keeps how far each move is."""

KEPT_MS = 7 * 24 * 3_600_000
"""How long the answer of a step is kept: a killed run must be taken up within a week."""

STEP_BYTES = 4 << 20
"""Bytes of patterns that end a step, however few they are."""


class Move(msgspec.Struct, frozen=True):
    """How far a move into a knowledge base is.

    Attributes:
        id: What the ids of its steps begin with.
        fingerprint: Of what is moved.
        is_alone: Whether the knowledge base was empty before.
        steps: How many steps are taken.
        is_done: Whether all are, and were compared with what is stored.
    """

    id: str
    fingerprint: str
    is_alone: bool
    steps: int = 0
    is_done: bool = False


class Mover:
    """Moves what is staged into knowledge bases.

    Args:
        memory: Where they are.
        stage: What is moved.
    """

    def __init__(self, memory: Memory, stage: Stage) -> None:
        self._memory = memory
        self._notes = memory.notes(SUBJECT)
        self._stage = stage

    def begun(self, name: str) -> Move:
        """The move into a knowledge base: the one that was begun, or a new one.

        Raises:
            Conflict: Something else was moved into it before.
        """
        fingerprint = self._stage.fingerprint(name)
        noted = self._notes.read(name)
        is_empty = self._memory.knowledge_base(name).stats().patterns == 0
        if noted is not None and not is_empty:
            move = msgspec.json.decode(noted, type=Move)
            if move.fingerprint == fingerprint:
                return move
            raise Conflict(
                f"{name[:60]!a} has patterns that were moved in before, and the source has changed"
                " since, or was given otherwise",
                remedy=f"stop KATO 3, `kato clear --kb {name[:60]}`, and move in again",
            )
        return Move(new_id(), fingerprint, is_empty)

    def take(self, name: str, move: Move, told: Callable[[int], None]) -> Move:
        """Take the steps that are not taken yet.

        Args:
            name: The knowledge base.
            move: How far it is.
            told: Takes how many patterns a step had.
        """
        kb, number = self._memory.knowledge_base(name), 0
        self._note(name, move)
        for number, (copies, affinities) in enumerate(self._steps(name), start=1):
            if number > move.steps:
                operation = Operation(f"{move.id}:{number}", kept_ms=KEPT_MS)
                _put(kb, copies, operation)
                if affinities:
                    kb.inherit_affinity(affinities, operation=operation)
                move = msgspec.structs.replace(move, steps=number)
                self._note(name, move)
            told(len(copies))
        return move

    def done(self, name: str, move: Move) -> None:
        """Say that a move is done."""
        self._note(name, msgspec.structs.replace(move, is_done=True))

    def _note(self, name: str, move: Move) -> None:
        self._notes.write(name, msgspec.json.encode(move))

    def _steps(self, name: str) -> Iterator[tuple[list[PatternCopy], dict[str, Emotives]]]:
        """Patterns, then affinities: a symbol must be known before it is felt."""
        copies: list[PatternCopy] = []
        size = 0
        for copy, more in self._stage.copies(name):
            if copies and (len(copies) == LESSON_PATTERNS or size + more > STEP_BYTES):
                yield copies, {}
                copies, size = [], 0
            copies.append(copy)
            size += more
        yield copies, {}
        for symbols in self._stage.some_symbols(name):
            felt = {symbol.text: symbol.affinity for symbol in symbols if symbol.affinity}
            yield [], felt


def _put(kb: KnowledgeBase, copies: list[PatternCopy], operation: Operation) -> None:
    placed = kb.put(copies, operation=operation, patiently=True)
    refused = next((each.error for each in placed if each.error is not None), None)
    if refused is not None:
        raise InvalidInput(f"a checked pattern was refused: {refused}") from refused
