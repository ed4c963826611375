"""How recall grows with the patterns: results of all sizes, a fit, and a picture of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.environment import RESULTS, ROOT, write_result

PICTURE = ROOT / "docs" / "recall-growth.svg"

LINES = {"index": "#0b6bcb", "sql": "#c2410c", "scan": "#6b7280", "exhaustive": "#111827"}
"""Plans in the picture, and their colours."""

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 120, 30, 60
_LINE = 16

Points = list[tuple[float, float]]


def keep(data: str, size: str, figures: dict[str, Any]) -> Path:
    """Keep a run beside those of other data and sizes, and draw them all."""
    kept = results()
    runs = kept.get("runs", {})
    runs.setdefault(data, {})[size] = figures
    runs[data] = dict(sorted(runs[data].items(), key=lambda run: int(run[0])))
    path = write_result("recall", {"runs": runs, "fits": fits(runs)})
    PICTURE.write_text(picture(results()), encoding="utf-8")
    return path


def results() -> dict[str, Any]:
    """What is kept; empty if nothing is."""
    path = RESULTS / "recall.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def fits(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A fit for each data and plan that was measured at two sizes or more."""
    found: dict[str, Any] = {}
    for data, sizes in runs.items():
        for plan in LINES:
            points = points_of(sizes, plan)
            if len(points) > 1:
                found.setdefault(data, {})[plan] = fit(points)
    return found


def points_of(sizes: dict[str, Any], plan: str, kind: str = "window") -> Points:
    """Patterns, and the median milliseconds of a kind of question."""
    runs = [run for run in sizes.values() if kind in _kinds(run, plan)]
    return [(run["learned"]["patterns"], _kinds(run, plan)[kind]["wall_ms"]["p50"]) for run in runs]


def fit(points: Points) -> dict[str, float]:
    """p50 = a + b log10(N), by least squares, and the exponent of a power of N through the same.

    >>> fit([(1e5, 4.0), (1e6, 8.0), (1e7, 12.0)])["b_ms_per_tenfold"]
    4.0
    """
    patterns, times = np.array(points, np.float64).T
    slope, intercept = np.polyfit(np.log10(patterns), times, 1)
    off = np.abs(intercept + slope * np.log10(patterns) - times).max()
    exponent = np.polyfit(np.log10(patterns), np.log10(times), 1)[0]
    return {
        "a_ms": round(float(intercept), 2),
        "b_ms_per_tenfold": round(float(slope), 2),
        "furthest_off_ms": round(float(off), 2),
        "exponent_of_a_power": round(float(exponent), 3),
    }


def picture(kept: dict[str, Any], data: str = "zipf") -> str:
    """The medians by number of patterns as SVG, both scales logarithmic, the fit dashed."""
    sizes = kept["runs"].get(data, {})
    lines = {plan: points for plan in LINES if (points := points_of(sizes, plan))}
    scale = _Scale([point for points in lines.values() for point in points])
    drawn = [*_axes(scale), *(_line(scale, plan, points) for plan, points in lines.items())]
    drawn += _names(scale, lines)
    index = kept["fits"].get(data, {}).get("index")
    if index:
        drawn.append(_fitted(scale, index, lines["index"]))
    return _SVG.format(width=_WIDTH, height=_HEIGHT, body="\n".join(drawn))


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 font-family="sans-serif" font-size="13" fill="#111827">
<title>Median milliseconds of a prediction by number of patterns</title>
<rect width="100%" height="100%" fill="#ffffff"/>
{body}
</svg>
"""


class _Scale:
    """Where a point lies: both axes cover whole powers of ten."""

    def __init__(self, points: Points) -> None:
        logs = np.log10(np.array(points or [(1e3, 1.0)], np.float64))
        self.low = np.floor(logs.min(axis=0)).astype(int).tolist()
        self.high = np.maximum(np.ceil(logs.max(axis=0)).astype(int), np.array(self.low) + 1)

    def x(self, patterns: float) -> float:
        """Pixels from the left."""
        share = (np.log10(patterns) - self.low[0]) / (self.high[0] - self.low[0])
        return round(float(_LEFT + share * (_WIDTH - _LEFT - _RIGHT)), 1)

    def y(self, milliseconds: float) -> float:
        """Pixels from the top."""
        share = (np.log10(milliseconds) - self.low[1]) / (self.high[1] - self.low[1])
        return round(float(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)), 1)


def _axes(scale: _Scale) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    lines = []
    for power in range(scale.low[0], scale.high[0] + 1):
        x = scale.x(10.0**power)
        lines.append(f'<path d="M{x} {_TOP}V{bottom}" stroke="#e5e7eb"/>')
        lines.append(_text(x, bottom + 20, f"{10**power:,}", "middle"))
    for power in range(scale.low[1], scale.high[1] + 1):
        y = scale.y(10.0**power)
        lines.append(f'<path d="M{_LEFT} {y}H{right}" stroke="#e5e7eb"/>')
        lines.append(_text(_LEFT - 8, y + 4, f"{10.0**power:g} ms", "end"))
    lines.append(_text((_LEFT + right) / 2, _HEIGHT - 15, "patterns", "middle"))
    return lines


def _line(scale: _Scale, plan: str, points: Points) -> str:
    places = [(scale.x(patterns), scale.y(times)) for patterns, times in points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3.5"/>' for x, y in places)
    colour = LINES[plan]
    return f'<g fill="{colour}"><path d="{path}" fill="none" stroke="{colour}"/>{dots}</g>'


def _names(scale: _Scale, lines: dict[str, Points]) -> list[str]:
    """The plans' names at the right, from top to bottom as their lines end, none over another."""
    drawn, below = [], 0.0
    for y, plan in sorted((scale.y(points[-1][1]), plan) for plan, points in lines.items()):
        below = max(y + 4, below + _LINE)
        name = _text(_WIDTH - _RIGHT + 10, below, plan, "start")
        drawn.append(f'<g fill="{LINES[plan]}">{name}</g>')
    return drawn


def _fitted(scale: _Scale, found: dict[str, float], points: Points) -> str:
    steps = np.logspace(np.log10(points[0][0]), np.log10(points[-1][0]), 40)
    times = found["a_ms"] + found["b_ms_per_tenfold"] * np.log10(steps)
    seen = [(n, t) for n, t in zip(steps.tolist(), times.tolist(), strict=True) if t > 0]
    path = "M" + "L".join(f"{scale.x(n)} {scale.y(t)}" for n, t in seen)
    return f'<path d="{path}" fill="none" stroke="{LINES["index"]}" stroke-dasharray="2 4"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _kinds(run: dict[str, Any], plan: str) -> dict[str, Any]:
    kinds: dict[str, Any] = run.get("plans", {}).get(plan, {}).get("kinds", {})
    return kinds
