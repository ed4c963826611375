"""Python's own standard library as sequences: a logical line each, its tokens the symbols.

Keywords, operators and builtins stand as they are, and so do names that come up in 100 lines or
more; other names are ``NAME``, numbers ``NUMBER``, strings ``STRING``. Files are taken in the order
of their paths, so the sequences are the same on every machine with the same Python.
"""

from __future__ import annotations

import builtins
import keyword
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kato.errors import UnreadableInput
from kato.model.example import Example

FREQUENT = 100
"""Lines a name must be in to stand as it is."""

_LEFT_OUT = frozenset(
    (
        "site-packages",
        "dist-packages",
        "test",
        "tests",
        "idlelib",
        "lib2to3",
        "turtledemo",
        "encodings",
        "pydoc_data",
        "ensurepip",
        "__pycache__",
    )
)
_LAYOUT = frozenset(
    (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT)
)
_ALWAYS_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))
# f-strings are one token up to Python 3.11 and many from 3.12 on.
_PART_BEGINS = getattr(tokenize, "FSTRING_START", -1)
_PART_ENDS = getattr(tokenize, "FSTRING_END", -1)
_NAME_MARK = "\0"


def python_files() -> list[Path]:
    """The library's files, sorted; tests, data in disguise and installed packages left out.

    Raises:
        UnreadableInput: This Python came without them.
    """
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(
        path for path in root.rglob("*.py") if not _LEFT_OUT & set(path.relative_to(root).parts)
    )
    if not files:
        raise UnreadableInput(
            f"there are no Python files in {root}", remedy="try kato learn with files of yours"
        )
    return files


def python_lines(files: Iterable[Path]) -> list[Example]:
    """The logical lines of the files as sequences, each symbol an event."""
    lines = [line for file in files for line in _lines(file)]
    lines_with = Counter(word for line in lines for word in set(line))
    kept = {
        word: word if lines_with[word] >= FREQUENT else _NAME_MARK + "NAME"
        for word in lines_with
        if word.startswith(_NAME_MARK)
    }
    return [
        Example([[kept.get(word, word).removeprefix(_NAME_MARK)] for word in line])
        for line in lines
    ]


def _lines(file: Path) -> Iterator[list[str]]:
    line: list[str] = []
    inside = 0
    with file.open("rb") as source:
        try:
            for token in tokenize.tokenize(source.readline):
                inside += (token.type == _PART_BEGINS) - (token.type == _PART_ENDS)
                if token.type == tokenize.NEWLINE:
                    yield line
                    line = []
                elif token.type not in _LAYOUT and not inside:
                    line.append(_symbol(token))
        except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
            return  # what was read of a broken file stands


def _symbol(token: tokenize.TokenInfo) -> str:
    match token.type:
        case tokenize.NUMBER:
            return "NUMBER"
        case tokenize.NAME if token.string not in _ALWAYS_KEPT:
            # Marked until it is known how many lines have it.
            return _NAME_MARK + token.string
        case tokenize.NAME | tokenize.OP | tokenize.ERRORTOKEN:
            return token.string
        case _:
            return "STRING"
