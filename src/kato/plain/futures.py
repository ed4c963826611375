"""Survivors grouped by what comes after the present (``spec/algorithms.md`` 7.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kato.metrics import Futures
from kato.plain.comparison import Beside

Key = tuple[tuple[int, ...], ...]


def futures_of(rows: Sequence[Beside], frequencies: Sequence[int]) -> Futures:
    """The distinct futures, the one with the highest potential first."""
    ahead = [at for at, row in enumerate(rows) if row.future]
    groups: dict[Key, list[int]] = {}
    for at in ahead:
        groups.setdefault(_key(rows[at]), []).append(at)
    strength = [f * row.similarity for f, row in zip(frequencies, rows, strict=True)]
    totals = {key: sum(strength[at] for at in members) for key, members in groups.items()}
    whole = sum(strength[at] for at in ahead)
    potential = {key: total / whole if whole > 0 else 0.0 for key, total in totals.items()}
    order = sorted(groups, key=lambda key: (-potential[key], -len(groups[key]), groups[key]))
    place = {at: number for number, key in enumerate(order) for at in groups[key]}
    return Futures(
        group=np.array([place.get(at, -1) for at in range(len(rows))], np.int64),
        first=np.array([groups[key][0] for key in order], np.int64),
        aggregate_potential=np.array([potential[key] for key in order], np.float64),
        supporting_patterns=np.array([len(groups[key]) for key in order], np.int64),
        total_weighted_frequency=np.array([totals[key] for key in order], np.float64),
    )


def _key(row: Beside) -> Key:
    """Futures are the same if each event holds the same symbols as often, in any order."""
    return tuple(tuple(sorted(event)) for event in row.future)
