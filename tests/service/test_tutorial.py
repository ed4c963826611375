"""The tutorial does what it says: its commands are run, its answers compared."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"

MADE_ANEW = ("session_id",)
CUT = "---8<---"


def blocks() -> list[tuple[str, str, str]]:
    """Commands, the language of the answer that stands behind them, and the answer."""
    text = TUTORIAL.read_text(encoding="utf-8")
    found = re.findall(r"```sh\n(.*?)```\n(?:\n```(json|text)\n(.*?)```)?", text, re.DOTALL)
    assert len(found) > 5
    return [(commands, language, answer) for commands, language, answer in found]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_tutorial_does_what_it_says(url: str) -> None:
    commands = f"\necho '{CUT}'\n".join(commands for commands, _, _ in blocks())
    script = commands.replace("KATO=http://127.0.0.1:8000", f"KATO={url}")
    ran = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers = ran.stdout.split(f"{CUT}\n")
    for answer, (command, language, expected) in zip(answers, blocks(), strict=True):
        if language == "json":
            assert lasting(answer) == json.loads(expected), command
        elif language == "text":
            assert answer == expected, command


def lasting(answer: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(answer).items() if key not in MADE_ANEW}
