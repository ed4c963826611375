"""``kato`` as a user runs it, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kato.cli import main

Kato = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kato:
    """Run ``kato``; answers its exit code, what it printed, and what it noted."""
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("KATO_URL", "KATO_CLICKHOUSE_URL", "KATO_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)

    def run_main(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        return int(ended.value.code or 0), *capsys.readouterr()

    return run_main


def told(run: Kato, *arguments: object) -> Any:
    code, out, err = run(*arguments)
    assert code == 0, err
    return json.loads(out) if "--json" in arguments else out
