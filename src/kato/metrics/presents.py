"""The numbers of each present: information, probability, distance from the memory."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, allocating, compiled, kernel_array
from kato.metrics.information import IMPROBABLE


class Presents(NamedTuple):
    """The presents of k survivors, and the memory, by code.

    Attributes:
        codes: int64[total], the survivors' symbols by code; those outside the presents have one
            only if they are weighed.
        offsets: int64[k + 1], where each survivor's symbols begin.
        start: int32[k], the first symbol of each present.
        end: int32[k], the end of each present.
        rows: int64[1 or k, n], the memory; one row for all survivors, or one each.
    """

    codes: Array
    offsets: Array
    start: Array
    end: Array
    rows: Array


class Terms(NamedTuple):
    """What one symbol adds, float64[codes] each; a code is in some present or all are 0.

    Attributes:
        squared: Probability squared: its share in a dot product.
        exponent: Logarithm of the probability, base 10.
        information: Expectation of the probability to the base of the vocabulary.
        rarity: log2(patterns / patterns with the symbol) + 1.
    """

    squared: Array
    exponent: Array
    information: Array
    rarity: Array


class Numbers(NamedTuple):
    """What :func:`measure_presents` writes, float64[k] each.

    Attributes:
        distance: Cosine distance of present and memory.
        chance: Probability of all the present's symbols together; 1 for an empty present, so that
            its confluence is 0.
        entropy: In bits.
        information: Sum of the information of its distinct symbols.
        rarity: Mean of frequency * rarity over its distinct symbols.
    """

    distance: Array
    chance: Array
    entropy: Array
    information: Array
    rarity: Array


def symbol_terms(
    members: npt.NDArray[np.int64], patterns: int, vocabulary: int, present: npt.NDArray[np.bool_]
) -> Terms:
    """The terms of each code.

    Args:
        members: How many patterns hold the symbol.
        patterns: How many patterns there are.
        vocabulary: How many symbols there are.
        present: Whether the symbol is in the present of a survivor. Others count as absent.
    """
    held = np.where(present, members, 0)
    probability = held / patterns if patterns > 0 else np.zeros(len(held))
    known = np.where(probability > 0, probability, IMPROBABLE)
    base = math.log(vocabulary) if vocabulary > 1 else math.inf
    return Terms(
        probability * probability,
        np.log10(known),
        -probability * (np.log(known) / base),
        np.log2(max(patterns, 1) / np.maximum(held, 1)) + 1,
    )


def present_numbers(presents: Presents, terms: Terms) -> Numbers:
    """The numbers of each present."""
    numbers = Numbers(*(np.zeros(len(presents.start)) for _ in Numbers._fields))
    measure_presents(presents, Terms(*(kernel_array(t, np.float64) for t in terms)), numbers)
    return numbers


@compiled
def mark_presents(presents: Presents, marks: Array) -> None:
    """Set the mark of each code that is in a present."""
    for index in range(len(presents.start)):
        first = presents.offsets[index]
        for position in range(first + presents.start[index], first + presents.end[index]):
            marks[presents.codes[position]] = True


@allocating
def measure_presents(presents: Presents, terms: Terms, numbers: Numbers) -> None:
    """Measure each present into ``numbers``."""
    observed = np.zeros(len(terms.squared), np.int64)
    counts = np.zeros(len(terms.squared), np.int64)
    norm = _observe(presents.rows[0], observed, terms)
    for index in range(len(presents.start)):
        if index > 0 and len(presents.rows) > 1:
            observed[presents.rows[index - 1]] = 0
            norm = _observe(presents.rows[index], observed, terms)
        first = presents.offsets[index]
        present = presents.codes[first + presents.start[index] : first + presents.end[index]]
        _measure_one(present, observed, counts, terms, (index, norm, numbers))


@compiled
def _observe(row: Array, observed: Array, terms: Terms) -> float:
    """Count the memory's symbols; the square of its length as a vector."""
    norm = 0.0
    for code in row:
        # (c + 1)² − c² = 2c + 1: the squares of the counts add up one symbol at a time.
        norm += terms.squared[code] * (2 * observed[code] + 1)
        observed[code] += 1
    return norm


@compiled
def _measure_one(
    present: Array,
    observed: Array,
    counts: Array,
    terms: Terms,
    target: tuple[int, float, Numbers],
) -> None:
    index, norm, numbers = target
    exponent = 0.0
    for code in present:
        counts[code] += 1
        exponent += terms.exponent[code]
    entropy, information, rarity, distinct, dot, length = 0.0, 0.0, 0.0, 0, 0.0, 0.0
    for code in present:
        count = counts[code]
        if count == 0:
            continue
        counts[code] = 0
        share = count / len(present)
        entropy -= share * np.log2(share)
        information += terms.information[code]
        rarity += share * terms.rarity[code]
        distinct += 1
        dot += terms.squared[code] * count * observed[code]
        length += terms.squared[code] * count * count
    numbers.chance[index] = 10.0**exponent
    numbers.entropy[index] = entropy
    numbers.information[index] = information
    numbers.rarity[index] = rarity / distinct if distinct > 0 else 0.0
    lengths = np.sqrt(norm) * np.sqrt(length)
    numbers.distance[index] = 1.0 - dot / lengths if lengths > 0.0 else 1.0
