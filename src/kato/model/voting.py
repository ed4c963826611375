"""What recalled patterns, taken together, say comes next.

Every recalled pattern whose present ends with an event that holds a symbol of the event observed
last votes for the symbols of its first future event, with ``frequency · similarity · 4^M`` where M
symbols matched: one match more outweighs four times the frequency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from kato.model.prediction import Prediction

MATCH_WEIGHT = 4.0


def votes(predictions: Iterable[Prediction], observed: Sequence[Sequence[str]]) -> dict[str, float]:
    """By symbol, the votes that it comes next, see the module's docstring."""
    last = set(observed[-1])
    counted: dict[str, float] = {}
    for prediction in predictions:
        if prediction.future and prediction.present and last & set(prediction.present[-1]):
            for symbol in prediction.future[0]:
                counted[symbol] = counted.get(symbol, 0.0) + _weight(prediction)
    return counted


def most_voted(counted: dict[str, float] | Counter[str]) -> str | None:
    """The symbol with the most votes, the first by code point on ties; None without votes.

    >>> most_voted({"b": 2.0, "a": 2.0, "c": 1.0})
    'a'
    """
    return min(counted, key=lambda symbol: (-counted[symbol], symbol), default=None)


def _weight(prediction: Prediction) -> float:
    matches = MATCH_WEIGHT ** len(prediction.matches)
    return prediction.frequency * prediction.similarity * matches
