"""Numbers over an ensemble of matches: information, Bayes, affinity, ranking, and the answer."""

from kato.metrics.affinity import Weighted, affinity_weights
from kato.metrics.answer import assemble
from kato.metrics.arithmetic import COMPILED, Arithmetic
from kato.metrics.ensemble import Corpus, Measures, counted_symbols, measure
from kato.metrics.futures import Futures
from kato.metrics.ranking import rank
from kato.metrics.wording import Texts, worded_events

__all__ = [
    "COMPILED",
    "Arithmetic",
    "Corpus",
    "Futures",
    "Measures",
    "Texts",
    "Weighted",
    "affinity_weights",
    "assemble",
    "counted_symbols",
    "measure",
    "rank",
    "worded_events",
]
