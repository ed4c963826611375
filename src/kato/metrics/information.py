"""Information and probability over lists of symbols (``spec/algorithms.md`` section 9).

The formulas one at a time, to check a prediction's numbers by hand; whole ensembles are measured
by :func:`kato.metrics.measure`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

IMPROBABLE = 1e-10
"""Stands in for a probability that is 0 or not known."""


def expectation(probability: float, symbols: int) -> float:
    """Information of an event times its probability, to the base of the number of symbols.

    >>> expectation(0.25, 4)
    0.25
    """
    if probability <= 0 or symbols <= 1:
        return 0.0
    return -probability * (math.log(probability) / math.log(symbols))


def classic_expectation(probability: float) -> float:
    """Information of an event times its probability, in bits.

    >>> classic_expectation(0.5)
    0.5
    """
    return -probability * math.log2(probability) if probability > 0 else 0.0


def entropy(symbols: Sequence[Hashable]) -> float:
    """Shannon's entropy of the symbols, in bits; 0 for none.

    >>> entropy(["a", "b", "a", "c"])
    1.5
    """
    counts = Counter(symbols).values()
    return sum(classic_expectation(count / len(symbols)) for count in counts)


def normalized_entropy(symbols: Sequence[Hashable], vocabulary: int) -> float:
    """Shannon's entropy to the base of the vocabulary's size; 0 for no symbols.

    Above 1 if there are more distinct symbols than the vocabulary is said to have.

    >>> normalized_entropy(["a", "b", "a", "c"], 4)
    0.75
    """
    counts = Counter(symbols).values()
    return sum((expectation(count / len(symbols), vocabulary) for count in counts), 0.0)


def global_normalized_entropy(
    symbols: Sequence[str], probabilities: Mapping[str, float], vocabulary: int
) -> float:
    """Sum of the expectations of the distinct symbols by their probabilities in all patterns.

    >>> round(global_normalized_entropy(["a", "b", "a"], {"a": 0.5, "b": 0.3}, 3), 6)
    0.644236
    """
    distinct = dict.fromkeys(symbols)
    return sum(
        (expectation(probabilities.get(symbol, 0.0), vocabulary) for symbol in distinct), 0.0
    )


def conditional_probability(symbols: Sequence[str], probabilities: Mapping[str, float]) -> float:
    """Probability of all the symbols together by chance; 0 for no symbols.

    Probabilities that are 0 or not known count as :data:`IMPROBABLE`.

    >>> conditional_probability(["a", "b"], {"a": 0.5, "b": 0.3})
    0.14999999999999997
    """
    if not symbols:
        return 0.0
    known = (probabilities.get(symbol, 0.0) for symbol in symbols)
    exponent = sum(math.log10(p if p > 0 else IMPROBABLE) for p in known)
    return float(10**exponent)


def companding(target: float, values: Sequence[float]) -> float:
    """The value nearest to the target, the smaller one on ties.

    >>> companding(9, [0, 3, 5, 7, 11])
    7
    """
    return min(values, key=lambda value: (abs(value - target), value))
