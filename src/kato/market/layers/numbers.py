"""Prices, sizes and ids, column by column: exact, or with the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kato.market.trade import SCALE

DECIMAL = pa.decimal128(38, SCALE)
"""As ClickHouse has prices and sizes."""

NO_NUMBER = -1
"""Instead of an id that is no number."""

Column = Any
"""An array of Arrow, whose stubs do not know all that makes one."""

Numbers = npt.NDArray[np.int64]
Problems = dict[int, list[str]]
"""By row, what is wrong with it."""

_LARGEST = Decimal(10) ** (38 - SCALE)
_LARGEST_PRODUCT = Decimal(10) ** 40
_EXACT = Context(prec=80)
_SURE_LENGTH = 38
_MOST_DIGITS = 18  # of an id that is a number: all of them are below 2**63


def decimals(name: str, values: Sequence[Decimal], problems: Problems) -> tuple[Column, Column]:
    """The values as text, and as decimals; those that are no valid ones are 0, with a problem.

    Arrow refuses to round, so one cast says of all of them whether they are exact.

    >>> problems: Problems = {}
    >>> texts, exact = decimals("price", [Decimal("1.5"), Decimal("1e-13")], problems)
    >>> exact.to_pylist(), problems
    ([Decimal('1.500000000000'), Decimal('0E-12')], {1: ['price has more than 12 decimals']})
    """
    texts = pa.array([str(value) for value in values], pa.string())
    exact = _cast(texts)
    if exact is None:
        exact = _checked(name, values, problems)
    return texts, exact


def check_products(price: Column, size: Column, problems: Problems) -> None:
    """Say of which trades price times size is too large for the sums of a candle to be exact.

    Below 10**40 a candle of 10**12 trades has room in 256 bits.
    """
    if not len(price) or _product(pc.max(price).as_py(), pc.max(size).as_py()) < _LARGEST_PRODUCT:
        return
    for row, pair in enumerate(zip(price.to_pylist(), size.to_pylist(), strict=True)):
        if _product(*pair) >= _LARGEST_PRODUCT:
            problems.setdefault(row, []).append("price times size is not below 1e+40")


def _product(price: Decimal, size: Decimal) -> Decimal:
    return _EXACT.multiply(price, size)


def _cast(texts: Column) -> Column | None:
    """All of them as decimals if all are valid."""
    # Arrow 26 makes garbage, and no error, of more digits than 128 bits hold.
    lengths: Column = pc.binary_length(texts)
    if not len(texts) or pc.max(lengths).as_py() > _SURE_LENGTH:
        return None
    try:
        exact = texts.cast(DECIMAL)
    except pa.ArrowInvalid:
        return None
    return exact if pc.min(exact).as_py() > 0 else None


def _checked(name: str, values: Sequence[Decimal], problems: Problems) -> Column:
    texts = []
    for row, value in enumerate(values):
        problem = _problem(value)
        if problem:
            problems.setdefault(row, []).append(f"{name} {problem}")
        texts.append("0" if problem else _shortest(value))
    return pa.array(texts, pa.string()).cast(DECIMAL)


def _problem(value: Decimal) -> str:
    if not value.is_finite():
        return "is not finite"
    if value <= 0:
        return "is not above 0"
    if value >= _LARGEST:
        return f"is not below {_LARGEST:.0e}"
    decimal_places = -_stripped(value)[1]
    return f"has more than {SCALE} decimals" if decimal_places > SCALE else ""


def _shortest(value: Decimal) -> str:
    digits, exponent = _stripped(value)
    return f"{digits}E{exponent}"


def _stripped(value: Decimal) -> tuple[str, int]:
    """The digits of a finite value above 0 without zeros at the end, and their exponent."""
    digits, exponent = value.as_tuple()[1:]
    text = "".join(map(str, digits))
    kept = text.rstrip("0")
    return kept, int(exponent) + len(text) - len(kept)


def numbers_of(ids: Sequence[str]) -> Numbers:
    """Ids as numbers, where each is one and is written as one.

    >>> numbers_of(["7", "007", "x", "-1"]).tolist()
    [7, -1, -1, -1]
    """
    texts = pa.array(ids, pa.string())
    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return _number_by_number(ids)
    found: Numbers = numbers.to_numpy()
    if len(found) and (found.min() < 0 or found.max() >= 10**_MOST_DIGITS):
        return _number_by_number(ids)
    return found if numbers.cast(pa.string()).equals(texts) else _number_by_number(ids)


def _number_by_number(ids: Sequence[str]) -> Numbers:
    return np.array([_number(text) for text in ids], np.int64)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return NO_NUMBER
    return int(text) if text == "0" or text[0] != "0" else NO_NUMBER
