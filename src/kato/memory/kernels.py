"""Compile what predictions are computed with, before the first one has to wait for it.

Measured: 24 s of one core where nothing is compiled yet, half a second to load it where it is.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np

from kato.matching import Candidates, Observation
from kato.matching.compiled import kernel_folder
from kato.metrics import Corpus, assemble, counted_symbols, measure, rank, worded_events
from kato.model.config import SessionConfig
from kato.recall.index.build import build
from kato.recall.index.contest import contested
from kato.recall.index.find import WORK, find
from kato.recall.index.segment import Shelved
from kato.recall.look import Look
from kato.recall.query import Query, Recalled
from kato.storage.ledger.journal import Sequences
from kato.storage.ledger.tail import TailView

_COMPLETE = "complete"

_PATTERNS = [(1, [[1], [2], [3]]), (2, [[2, 3], [1], [3]]), (3, [[1], [3]])]
_TEXTS = {1: "a", 2: "b", 3: "c"}
_MEMORIES = ([["a"], ["b"], ["b"]], [["a"]])


def compile_kernels() -> None:
    """Compile, or load, the kernels of every usual prediction.

    Processes that start together wait for the first of them instead of doing the same work.
    """
    with _alone():
        shelf = build(_sequences(), 1, 3)
        shelf.hide(np.array([3]))
        for events in _MEMORIES:
            _predict(shelf, Observation.of(events, {text: i for i, text in _TEXTS.items()}))


def are_compiled() -> bool:
    """Whether some process has compiled all of them on this machine.

    >>> compile_kernels()
    >>> are_compiled()
    True
    """
    folder = kernel_folder()
    return folder is not None and (folder / _COMPLETE).exists()


@contextmanager
def _alone() -> Iterator[None]:
    """As the only process that compiles into the cache."""
    folder = kernel_folder()
    if folder is None:
        yield
        return
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    (folder / _COMPLETE).touch()


def _sequences() -> Sequences:
    given = Candidates.of(_PATTERNS)
    names = np.zeros((len(_PATTERNS), 20), np.uint8)
    return Sequences(
        given.ids, names, given.symbols, given.offsets, given.event_ends, given.event_offsets
    )


def _predict(shelf: Shelved, observation: Observation) -> None:
    """All steps of a prediction but those that ask the stores."""
    work = np.zeros(WORK, np.int64)
    config = SessionConfig()
    find([shelf], observation, config.recall_threshold, 10, work)
    for changed in (config, msgspec.structs.replace(config, use_token_matching=False)):
        look = Look(_query(observation, changed))
        contested([shelf], look, work)
        _measure(observation, look.recalled(_sequences()))


def _query(observation: Observation, config: SessionConfig) -> Query:
    return Query(
        kb=1,
        observation=observation,
        config=config,
        tail=TailView([], set(), {}, {}),
        last_pattern=3,
        texts_of=lambda ids: {i: _TEXTS[i] for i in ids},
        vocabulary=lambda: _TEXTS,
    )


def _measure(observation: Observation, recalled: Recalled) -> None:
    survivors, alignment = recalled.candidates, recalled.alignment
    symbols = counted_symbols(observation, survivors, alignment, weighed=True)
    ones, texts = np.ones(len(symbols), np.int64), np.array([None, *_TEXTS.values()], np.object_)
    for weights in (None, ones.astype(np.float64)):
        measures = measure(
            observation,
            survivors,
            alignment,
            np.ones(len(survivors), np.int64),
            symbols,
            ones,
            Corpus(3, 3, 3),
            weights,
        )
        order = rank(measures, recalled.names, "potential", 10)
        names = ["" for _ in order]
        assemble(
            observation,
            survivors,
            alignment,
            measures,
            order,
            names=names,
            sequences=worded_events(survivors, texts),
            texts=texts,
            emotives=(),
        )


if __name__ == "__main__":
    compile_kernels()
