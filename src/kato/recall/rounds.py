"""Look once or twice: first at what is probably good enough, then at all that may be."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from kato.recall.look import Look, worst_of
from kato.recall.query import Query, Recalled
from kato.recall.sample import Sample, Samples
from kato.recall.trace import Tally, step


class Rest(Protocol):
    """Looks at what lies behind a sample."""

    def __call__(self, look: Look, found: Recalled, sample: Sample) -> Recalled:
        """The best of all, where ``found`` are the best of the sample.

        What cannot reach the look's floor may be left out.
        """


def in_rounds(samples: Samples, look: Look, last: int, rest: Rest) -> Recalled:
    """The best patterns.

    The best of a sample tell how good the best of all will probably be, and what misses that is
    left out. If the guess was too high (fewer than enough patterns reach it), a second round leaves
    out what the sample surely beats; so a guess never changes an answer.

    Args:
        samples: Where samples are.
        look: The look to begin with.
        last: The greatest id that is looked at.
        rest: Looks at the others.
    """
    with step(look.query.trace, "sample") as tally:
        sample = samples.of(look.query).up_to(last) if look.is_plain else Sample()
        best = _of_sample(look, sample, last, tally)
    found = rest(look, best, sample)
    if worst_of(look.query, found) >= look.guess:
        return found
    if look.query.trace is not None:
        look.query.trace.round = 2
    look = Look(look.query)
    with step(look.query.trace, "sample") as tally:
        best = _of_sample(look, sample, None, tally)
    return rest(look, best, sample)


def _of_sample(look: Look, sample: Sample, last: int | None, tally: Tally) -> Recalled:
    """The best of the sample, and a guess about all patterns up to the last, if there is one."""
    found = look.nothing()
    for place, (until, _) in enumerate(sample.parts):
        part = sample.reaching(place, look.reaching())
        found = look.better(found, look.recalled(part))
        look.raise_floor(found)
        if last:
            look.guess_floor(_guess(look.query, found, until / last))
    tally.candidates, tally.rows = sample.until, sample.patterns
    tally.kept = len(found.candidates)
    return found


def _guess(query: Query, found: Recalled, share: float) -> tuple[float, float]:
    """The potential and the similarity that the worst of the best of all will probably have.

    If r of the best are to be expected among a share of the patterns, the one in place
    r + 3 sqrt(r) + 3 of that share is very likely not among them.
    """
    expected = query.limit * share
    place = math.ceil(expected + 3 * math.sqrt(expected) + 3)
    preliminary = found.alignment.preliminary
    if place >= query.limit or len(preliminary) < place:
        return -math.inf, 0.0
    similarity = found.alignment.similarity
    worst = np.lexsort((similarity, preliminary))[-place]
    return float(preliminary[worst]), float(similarity[worst])
