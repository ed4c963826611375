"""The wire is that of the original: its recorded answers are ours, and its replay agrees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.service.golden import Case, cases, difference, replayed

SHARED = Path(__file__).parents[3] / "shared" / "golden" / "replay.py"

EXCEPTIONS: dict[str, str] = {}
"""Cases that a decision of the design answers in another way, and the decision."""


@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in cases()])
def test_a_recorded_answer_is_ours(client: httpx.Client, case: Case, kb_name: str) -> None:
    statuses, body = replayed(client, case, kb_name)
    assert statuses == case["step_status"]
    if case["status"] == 200:
        most = case["config"].get("max_predictions", 100)
        assert difference(case["response"], body, most) == ""


@pytest.mark.parametrize("changed", ["name", "potential", "matches"])
def test_a_difference_is_seen(changed: str) -> None:
    case = next(case for case in cases() if case["case"] == "sess/delete_keeps_kb")
    wanted = case["response"]
    found = {**wanted, "predictions": [{**wanted["predictions"][0], changed: 3}]}
    assert difference(wanted, wanted, 100) == ""
    assert difference(wanted, found, 100) != ""


def test_errors_are_told_in_the_same_words(client: httpx.Client, kb_name: str) -> None:
    for case in cases():
        if case["case"].startswith("err/") and case["status"] != 200 and case["response"]:
            _, body = replayed(client, case, kb_name)
            assert difference(case["response"], body, 100) == ""


@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared beside the clone")
def test_the_replay_agrees(url: str) -> None:
    command = [sys.executable, str(SHARED), "--base-url", url, "--show", "3"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout
