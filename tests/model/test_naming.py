"""Names: as the original's, and the same under every Python."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import Example, case_id, examples

from kato.model import naming, printable
from kato.model.naming import bare_name, pattern_name, text_form

SOURCE = Path(naming.__file__).parent
PYTHONS = ("3.11", "3.12", "3.13")

# One of each kind: escapes, quotes, every plane, unassigned code points, and those that were
# assigned or changed after Unicode 14.
SAMPLE = [
    [["plain"], ["it's", 'say "so"', "both ' and \""]],
    [["\\ \t\n\r\0\x07\x7f"], ["\x80\xa0\xad\u0378\u200b\u2028\ue000\ufeff\U0010fffd"]],
    [["é ß 漢字 ñ"], ["😀👩\u200d🚀", "\U0001fae8\U00031350\U0001f6dc\U0001cc00"], [""]],
    [[chr(code) for code in range(0x20, 0x3000, 7) if not 0xD800 <= code < 0xE000]],
    [[chr(code) for code in range(0x3000, 0x110000, 997) if not 0xD800 <= code < 0xE000]],
]
PROGRAM = """
import importlib.util, json, sys, types
folder = sys.argv[1]
for name in ("kato", "kato.model"):
    sys.modules[name] = types.ModuleType(name)
for name in ("printable", "naming"):
    spec = importlib.util.spec_from_file_location(f"kato.model.{name}", f"{folder}/{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
print(json.dumps([module.text_form(events) for events in json.load(sys.stdin)]))
"""


@pytest.mark.parametrize("example", examples("pattern_name"), ids=case_id)
def test_the_original_s_names(example: Example) -> None:
    events = example["input"]["events"]
    assert text_form(events) == example["output"]["hash_input"]
    assert pattern_name(events) == example["output"]["name"]


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_agrees(version: str) -> None:
    python = _python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run(
        [python, "-I", "-c", PROGRAM, str(SOURCE)],
        input=json.dumps(SAMPLE),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert json.loads(done.stdout) == [text_form(events) for events in SAMPLE]


@pytest.mark.skipif(
    unicodedata.unidata_version != "14.0.0", reason="only Python 3.11 has the table"
)
def test_the_table_is_that_of_python_3_11() -> None:
    different = [
        c for c in map(chr, range(0x110000)) if printable.is_printable(c) != c.isprintable()
    ]
    assert different == []


@given(st.lists(st.lists(st.text(max_size=6), max_size=3), max_size=4))
def test_the_text_form_is_python_s_own(events: list[list[str]]) -> None:
    # What Python prints may differ in what it escapes, never in what it says.
    assert eval(text_form(events)) == events  # noqa: S307 - our own text
    if all(symbol.isascii() for event in events for symbol in event):
        assert text_form(events) == repr(events)
    assert pattern_name(events) == hashlib.sha1(text_form(events).encode()).hexdigest()  # noqa: S324


def test_either_form_of_a_name_is_taken() -> None:
    name = pattern_name([["a"], ["b"]])
    assert bare_name(f"PTRN|{name}") == bare_name(name) == name


def _python(version: str) -> str | None:
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = shutil.which(f"python{version}")
    # A version manager's shim may stand for a Python that is not chosen here.
    if found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
        return found
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(kept[-1]) if kept else None
