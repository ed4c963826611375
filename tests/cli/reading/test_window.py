from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.cli.reading import Accepted, Rejected, Window
from kato.errors import InvalidInput
from kato.model.example import Example


def cut(text: str, size: int, step: int | None = None) -> list[str]:
    events = [[symbol] for symbol in text]
    return ["".join(s for (s,) in part) for part in Window.of(size, step).parts(events)]


@pytest.mark.parametrize(
    ("text", "size", "step", "expected"),
    [
        ("abcdef", 3, None, ["abc", "def"]),
        ("abcdefgh", 3, None, ["abc", "def", "gh"]),
        ("abcdefg", 3, None, ["abc", "def"]),
        ("abc", 3, None, ["abc"]),
        ("ab", 3, None, ["ab"]),
        ("a", 3, None, ["a"]),
        ("", 3, None, [""]),
        ("abcde", 3, 1, ["abc", "bcd", "cde"]),
        ("abcdef", 3, 2, ["abc", "cde", "ef"]),
        ("abcd", 1, None, ["a"]),
    ],
)
def test_parts(text: str, size: int, step: int | None, expected: list[str]) -> None:
    assert cut(text, size, step) == expected


@given(
    st.text("abc", min_size=1, max_size=40),
    st.integers(2, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))),
)
def test_windows_cover_all_but_a_last_symbol(text: str, shape: tuple[int, int]) -> None:
    size, step = shape
    parts = cut(text, size, step)
    covered = sum(
        len(part) if n == 0 else len(part) - (size - step) for n, part in enumerate(parts)
    )
    assert len(text) - covered in (0, 1)
    assert all(len(part) <= size for part in parts)
    assert all(len(part) == size for part in parts[:-1])


@pytest.mark.parametrize(("size", "step"), [(0, None), (3, 0), (3, 4), (-1, 1)])
def test_windows_that_would_lose_events_are_refused(size: int, step: int | None) -> None:
    with pytest.raises(InvalidInput, match="would lose events"):
        Window.of(size, step)


def test_windows_keep_place_emotives_and_metadata() -> None:
    long = Example([["a"], ["b"], ["c"], ["d"]], {"joy": 1.0}, {"k": "v"})
    bad = Rejected("f", 1, "bad")
    items = list(Window.of(2).cut([bad, Accepted(long, "f", 2)]))
    assert items == [
        bad,
        Accepted(Example([["a"], ["b"]], {"joy": 1.0}, {"k": "v"}), "f", 2),
        Accepted(Example([["c"], ["d"]], {"joy": 1.0}, {"k": "v"}), "f", 2),
    ]
