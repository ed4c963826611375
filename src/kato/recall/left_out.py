"""Why a recall left a pattern out: asked of the same filters, looks and contests that answered."""

from __future__ import annotations

import numpy as np

from kato.model.explanation import Reason, Verdict
from kato.recall.filters.pipeline import stages_of
from kato.recall.look import Look
from kato.recall.query import Query, Recalled, candidates_of
from kato.recall.trace import Trace
from kato.storage.ledger.journal import Sequences


def left_out(query: Query, trace: Trace, found: Recalled, pattern: Sequences) -> Verdict | None:
    """Why a pattern is not among those found; None if nothing says so: it was not there then.

    Args:
        query: The recall.
        trace: Of that recall, which watched for the pattern.
        found: What it answered.
        pattern: The one pattern.

    Raises:
        FilterFailed: A filter of another package fails.
    """
    look = Look(query)
    if look.is_filtered:
        refused = _refused(look.query, trace, pattern)
        if refused is not None or not trace.passed:
            return refused or _cut(look.query, trace, pattern)
    return _unlike(look, pattern) or _beaten(look, found, pattern)


def _refused(query: Query, trace: Trace, pattern: Sequences) -> Verdict | None:
    candidates = candidates_of(pattern)
    names = query.config.filter_pipeline
    for at, stage in enumerate(stages_of(query)):
        if not stage.meets(query, candidates).all():
            sentence = f"the filter {names[at]}, number {at + 1} of {len(names)}, refuses it"
            return _filtered(pattern, names[at], sentence + _counts(trace, at))
    return None


def _counts(trace: Trace, at: int) -> str:
    if at >= len(trace.filters):
        return ""
    report = trace.filters[at]
    return f", as all but {report.candidates_after:,} of {report.candidates_before:,} patterns"


def _cut(query: Query, trace: Trace, pattern: Sequences) -> Verdict | None:
    """That a filter had let through enough others: none but the first that cut can be it."""
    most = query.config.max_candidates_per_stage
    for report in trace.filters:
        if report.candidates_cut:
            return _filtered(
                pattern,
                report.filter,
                f"the filter {report.filter} lets {most:,} patterns through "
                f"(max_candidates_per_stage), and so many older ones met it before",
            )
    return None


def _filtered(pattern: Sequences, name: str, sentence: str) -> Verdict:
    return Verdict(pattern=_name(pattern), reason="filtered", sentence=sentence, filter=name)


def _unlike(look: Look, pattern: Sequences) -> Verdict | None:
    """That it does not match, whatever else there is."""
    if len(look.recalled(pattern).candidates):
        return None
    query, aligned = look.query, look.aligned(pattern)
    if len(query.observation) == 1:
        first = int(pattern.symbols[0])
        text = query.texts_of([first])[first]
        sentence = (
            "a memory of one symbol recalls the patterns that begin with it, "
            f"and this one begins with {text[:60]!a}"
        )
        return _aligned(aligned, "begins otherwise", sentence)
    if aligned.alignment.blocks[0] == 0:
        sentence = f"none of its {len(pattern.symbols):,} symbols was observed"
        return _aligned(aligned, "nothing in common", sentence)
    threshold = query.config.recall_threshold
    similarity, least = _apart(float(aligned.alignment.similarity[0]), threshold)
    sentence = f"its similarity {similarity} is below recall_threshold {least}"
    return _aligned(aligned, "below the threshold", sentence)


def _beaten(look: Look, found: Recalled, pattern: Sequences) -> Verdict | None:
    """That the ensemble is full of better ones."""
    one = look.recalled(pattern)
    identity = one.candidates.ids[0]
    if identity in look.better(found, one).candidates.ids:
        return None
    worst = _worst(found)
    count = f"{len(found.candidates):,} patterns that are kept"
    preliminary, least = one.alignment.preliminary[0], worst.alignment.preliminary[0]
    similarity, other = one.alignment.similarity[0], worst.alignment.similarity[0]
    if preliminary != least:
        low, high = _apart(float(preliminary), float(least))
        sentence = f"its preliminary potential {low} is below {high}, the worst of the {count}"
    elif similarity != other:
        low, high = _apart(float(similarity), float(other))
        sentence = (
            f"its preliminary potential {float(preliminary):.6g} is that of the worst of the "
            f"{count}, and its similarity {low} is below {high}"
        )
    else:
        sentence = (
            f"its preliminary potential {float(preliminary):.6g} and its similarity "
            f"{float(similarity):.6g} are those of the worst of the {count}, and that one is older"
        )
    return _aligned(one, "below the cut", sentence)


def _worst(found: Recalled) -> Recalled:
    alignment = found.alignment
    order = np.lexsort((found.candidates.ids, -alignment.similarity, -alignment.preliminary))
    return found.take(order[-1:])


def _aligned(one: Recalled, reason: Reason, sentence: str) -> Verdict:
    return Verdict(
        pattern=_name(one),
        reason=reason,
        sentence=sentence,
        similarity=float(one.alignment.similarity[0]),
        preliminary=float(one.alignment.preliminary[0]),
    )


def _name(pattern: Sequences | Recalled) -> str:
    name: str = pattern.names[0].tobytes().hex()
    return name


def _apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers in as many digits as tell them apart.

    >>> _apart(0.25, 0.3), _apart(0.1, 0.1 + 2**-55)
    (('0.25', '0.3'), ('0.1', '0.10000000000000003'))
    """
    short = f"{one:.6g}", f"{other:.6g}"
    return short if short[0] != short[1] else (repr(one), repr(other))
