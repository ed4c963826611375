"""A part of PromQL over scraped series: as much as the alert rules use, and a refusal of the rest.

What it does it does as Prometheus 3 does: range selectors are open on the left, ``rate`` and
``increase`` extrapolate, counters may be reset, an instant selector looks back five minutes,
binary operators match vectors by equal labels, comparisons filter.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

LOOK_BACK = 300.0
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Points = list[tuple[float, float]]
Value = float | Vector


class Refused(Exception):
    """This evaluator does not know that."""


class Ranges(NamedTuple):
    """Points by labels, and the range they are of."""

    points: dict[Labels, Points]
    begin: float
    end: float


class Series:
    """What was scraped.

    >>> series = Series()
    >>> series.scrape("up 1\\n", at=10.0)
    >>> evaluate("up == 1", series, at=20.0)
    {frozenset({('__name__', 'up')}): 1.0}
    """

    def __init__(self) -> None:
        self._points: dict[Labels, Points] = {}
        self._named: dict[str, dict[Labels, Points]] = {}

    def scrape(self, text: str, at: float) -> None:
        """Keep what an endpoint answered at a moment; what it left out is gone from then on."""
        found = {
            frozenset({**sample.labels, "__name__": sample.name}.items()): float(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        for labels in {*self._points, *found}:
            points = self._points.setdefault(labels, [])
            self._named.setdefault(dict(labels)["__name__"], {})[labels] = points
            if labels in found or (points and not math.isnan(points[-1][1])):
                points.append((at, found.get(labels, math.nan)))  # nan: a staleness marker

    def names(self) -> set[str]:
        """The names of all samples."""
        return set(self._named)

    def at(self, wanted: Mapping[str, str], at: float) -> Vector:
        """The newest value of each series that has these labels."""
        vector = {}
        for labels, points in self._of(wanted):
            past = [value for time, value in points if at - LOOK_BACK < time <= at]
            if past and not math.isnan(past[-1]):
                vector[labels] = past[-1]
        return vector

    def during(self, wanted: Mapping[str, str], begin: float, end: float) -> Ranges:
        """The points of each series that has these labels, behind ``begin`` and up to ``end``."""
        found = {
            labels: [p for p in points if begin < p[0] <= end and not math.isnan(p[1])]
            for labels, points in self._of(wanted)
        }
        return Ranges({labels: points for labels, points in found.items() if points}, begin, end)

    def _of(self, wanted: Mapping[str, str]) -> list[tuple[Labels, Points]]:
        named = self._named.get(wanted["__name__"], {})
        return [(labels, points) for labels, points in named.items() if wanted.items() <= labels]


def evaluate(expression: str, series: Series, at: float) -> Value:
    """The value of an expression at a moment.

    Raises:
        Refused: It holds what this evaluator does not know.
    """
    parser = _Parser(_tokens(expression), series, at)
    value: Value | Ranges = parser.comparison()
    parser.end()
    if isinstance(value, Ranges):
        raise Refused("a range is no value")
    return value


def names_in(expression: str) -> set[str]:
    """The metrics that an expression names."""
    parser = _Parser(_tokens(expression), Series(), 0.0)
    parser.comparison()
    parser.end()
    return parser.named


def seconds_of(duration: str) -> float:
    """A duration such as ``5m``, in seconds."""
    matched = re.fullmatch(r"(\d+)([smhdw])", duration)
    if matched is None:
        raise Refused(f"duration {duration}")
    return float(int(matched[1]) * UNITS[matched[2]])


_TOKEN = re.compile(
    r"\s*(?:(?P<duration>\d+[a-z]+)|(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-zA-Z_:][\w:]*)"
    r'|(?P<text>"[^"\\]*")|(?P<sign>==|!=|>=|<=|=~|!~|[-+*/%^(){}\[\],<>=@]))'
)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, place, stripped = [], 0, expression.strip()
    while place < len(stripped):
        matched = _TOKEN.match(stripped, place)
        if matched is None:
            raise Refused(f"{stripped[place:]!r}")
        assert matched.lastgroup is not None
        found.append((matched.lastgroup, matched[matched.lastgroup]))
        place = matched.end()
    return found


_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_ADDED: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub}


def _divided(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)


_MULTIPLIED: dict[str, Callable[[float, float], float]] = {"*": operator.mul, "/": _divided}
_AGGREGATED: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], series: Series, at: float) -> None:
        self._tokens = tokens
        self._series = series
        self._at = at
        self._place = 0
        self.named: set[str] = set()

    def comparison(self) -> Any:
        left = self._chain(self._product, _ADDED)
        if (sign := self._taken(*_COMPARED)) is None:
            return left
        right, holds = self._chain(self._product, _ADDED), _COMPARED[sign]
        if not isinstance(left, dict):
            raise Refused("a comparison of a scalar")
        pairs = _paired(left, right)
        return {labels: a for labels, a, b in pairs if holds(a, b)}

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise Refused(f"{self._tokens[self._place][1]!r} behind an expression")

    def _product(self) -> Any:
        return self._chain(self._single, _MULTIPLIED)

    def _chain(
        self, part: Callable[[], Any], known: dict[str, Callable[[float, float], float]]
    ) -> Any:
        value = part()
        while (sign := self._taken(*known)) is not None:
            value = _combined(value, part(), known[sign])
        return value

    def _single(self) -> Any:
        kind, text = self._next()
        if kind == "number":
            return float(text)
        if text == "(":
            value = self.comparison()
            self._expect(")")
            return value
        if kind != "name":
            raise Refused(f"{text!r}")
        if text in _AGGREGATED:
            return self._aggregated(_AGGREGATED[text])
        return self._called(text) if self._taken("(") else self._selected(text)

    def _called(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self._taken(")"):
            if arguments:
                self._expect(",")
            arguments.append(self.comparison())
        if name == "time" and not arguments:
            return self._at
        if name in ("rate", "increase") and len(arguments) == 1:
            return _rates(arguments[0], per_second=name == "rate")
        if name == "absent" and len(arguments) == 1 and isinstance(arguments[0], dict):
            return {} if arguments[0] else {frozenset[tuple[str, str]](): 1.0}
        if name == "histogram_quantile" and len(arguments) == 2:
            return _quantile(*arguments)
        raise Refused(f"{name}() of {len(arguments)}")

    def _aggregated(self, add: Callable[[list[float]], float]) -> Vector:
        if self._taken("by") is None:
            raise Refused("an aggregation without by")
        kept = self._names()
        self._expect("(")
        value = self.comparison()
        self._expect(")")
        if not isinstance(value, dict):
            raise Refused("an aggregation of no vector")
        groups: dict[Labels, list[float]] = {}
        for labels, each in value.items():
            group = frozenset(pair for pair in labels if pair[0] in kept)
            groups.setdefault(group, []).append(each)
        return {group: float(add(values)) for group, values in groups.items()}

    def _names(self) -> set[str]:
        self._expect("(")
        names = {self._word()}
        while self._taken(","):
            names.add(self._word())
        self._expect(")")
        return names

    def _selected(self, name: str) -> Any:
        if name in ("and", "or", "unless", "offset", "bool", "on", "ignoring", "without"):
            raise Refused(name)
        self.named.add(name)
        wanted = {"__name__": name}
        if self._taken("{"):
            while not self._taken("}"):
                label = self._word()
                self._expect("=")
                kind, text = self._next()
                if kind != "text":
                    raise Refused(f"label {text!r}")
                wanted[label] = text[1:-1]
                self._taken(",")
        if self._taken("["):
            _, duration = self._next()
            self._expect("]")
            return self._series.during(wanted, self._at - seconds_of(duration), self._at)
        return self._series.at(wanted, self._at)

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise Refused(f"{text!r} for a name")
        return text

    def _next(self) -> tuple[str, str]:
        if self._place == len(self._tokens):
            raise Refused("an expression that ends early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _taken(self, *texts: str) -> str | None:
        if self._place < len(self._tokens) and self._tokens[self._place][1] in texts:
            return self._next()[1]
        return None

    def _expect(self, text: str) -> None:
        if self._taken(text) is None:
            raise Refused(f"an expression without {text!r}")


def _unnamed(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "__name__")


def _paired(left: Vector, right: Value) -> list[tuple[Labels, float, float]]:
    if not isinstance(right, dict):
        return [(labels, value, right) for labels, value in left.items()]
    others = {_unnamed(labels): value for labels, value in right.items()}
    return [
        (labels, value, others[_unnamed(labels)])
        for labels, value in left.items()
        if _unnamed(labels) in others
    ]


def _combined(left: Any, right: Any, of: Callable[[float, float], float]) -> Any:
    if isinstance(left, Ranges) or isinstance(right, Ranges):
        raise Refused("arithmetic of ranges")
    if isinstance(left, dict):
        return {_unnamed(labels): of(a, b) for labels, a, b in _paired(left, right)}
    if isinstance(right, dict):
        return {_unnamed(labels): of(left, b) for labels, b in right.items()}
    return of(left, right)


def _rates(ranges: Any, *, per_second: bool) -> Vector:
    if not isinstance(ranges, Ranges):
        raise Refused("a rate of no range")
    length = ranges.end - ranges.begin
    return {
        _unnamed(labels): _increase(points, ranges) / (length if per_second else 1.0)
        for labels, points in ranges.points.items()
        if len(points) > 1
    }


def _increase(points: Points, ranges: Ranges) -> float:
    """As Prometheus extrapolates: to the ends of the range, or half an interval, or to zero."""
    values = [value for _, value in points]
    grown = values[-1] - values[0]
    grown += sum(a for a, b in pairwise(values) if b < a)
    first, last = points[0][0], points[-1][0]
    sampled = last - first
    interval = sampled / (len(points) - 1)
    to_begin, to_end = first - ranges.begin, ranges.end - last
    if to_begin >= interval * 1.1:
        to_begin = interval / 2
    if grown > 0 and values[0] >= 0:
        to_begin = min(to_begin, sampled * (values[0] / grown))
    if to_end >= interval * 1.1:
        to_end = interval / 2
    return grown * (sampled + to_begin + to_end) / sampled


def _quantile(share: Any, vector: Any) -> Vector:
    if not isinstance(share, float) or not isinstance(vector, dict) or not 0 <= share <= 1:
        raise Refused("histogram_quantile of other things")
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in vector.items():
        bounds = dict(labels)
        if "le" in bounds:
            bound = float(bounds.pop("le").replace("Inf", "inf"))
            bounds.pop("__name__", None)
            histograms.setdefault(frozenset(bounds.items()), []).append((bound, count))
    return {labels: _in_buckets(share, sorted(rows)) for labels, rows in histograms.items()}


def _in_buckets(share: float, buckets: list[tuple[float, float]]) -> float:
    if len(buckets) < 2 or buckets[-1][0] != math.inf or not buckets[-1][1] > 0:
        return math.nan
    rank = share * buckets[-1][1]
    place = next(i for i, (_, count) in enumerate(buckets) if count >= rank)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    bound, count = buckets[place]
    below, under = buckets[place - 1] if place else (0.0, 0.0)
    return below + (bound - below) * (rank - under) / (count - under)
