"""Vectors as symbols: a vector is named by its exact bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha1

import numpy as np
import numpy.typing as npt

from kato.errors import InvalidVector, shown
from kato.model.event import VECTOR_PREFIX

_SYMBOL = re.compile(re.escape(VECTOR_PREFIX) + "[0-9a-f]{40}")

MAX_NEIGHBOURS = 3
"""A vector's event also gets the names of at most this many stored vectors nearest to it."""


def checked_vector(vector: Sequence[float]) -> npt.NDArray[np.float64]:
    """The vector as little-endian float64, -0.0 as 0.0.

    Raises:
        InvalidVector: Not a flat, non-empty list of finite numbers.
    """
    if isinstance(vector, (str, bytes)):
        raise InvalidVector(f"a vector must be a list of numbers, got {shown(vector)}")
    try:
        values = np.asarray(vector)
        if values.dtype.kind not in "iuf":
            raise TypeError
        values = values.astype("<f8")
    except (TypeError, ValueError, OverflowError):
        raise InvalidVector(
            f"a vector must be a flat list of numbers, got {shown(vector)}"
        ) from None
    if values.ndim != 1 or not values.size:
        raise InvalidVector(f"a vector must be flat and not empty, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise InvalidVector("a vector must hold finite numbers only, got NaN or infinity")
    return values + 0.0  # -0.0 + 0.0 is 0.0: equal vectors get one name


def is_vector_symbol(symbol: str) -> bool:
    """Whether a symbol may be that of a vector."""
    return _SYMBOL.fullmatch(symbol) is not None


def vector_symbol(vector: Sequence[float]) -> str:
    """The symbol of a vector: ``VCTR|`` and the SHA-1 of its little-endian float64 bytes.

    >>> vector_symbol([1.0, -0.0]) == vector_symbol([1, 0])
    True
    """
    digest = sha1(checked_vector(vector).tobytes(), usedforsecurity=False).hexdigest()
    return VECTOR_PREFIX + digest


def checked_vectors(vectors: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Vectors by their symbols.

    A symbol need not be the one its vector has here: KATO 3 named vectors by a rounded printout,
    and what moved in from there keeps its names.

    Raises:
        InvalidVector: One is no vector, or has no vector's symbol.

    >>> checked_vectors({vector_symbol([1]): [1]})
    {'VCTR|3eafb06982d26cb8d0847b681f31c9055684eee2': [1.0]}
    """
    for symbol in vectors:
        if not is_vector_symbol(symbol):
            raise InvalidVector(
                f"{shown(symbol)} is no symbol of a vector: that is VCTR| and 40 digits"
            )
    return {symbol: checked_vector(vector).tolist() for symbol, vector in vectors.items()}
