"""What docs/market.md says is so: commands and options exist, every measure is in its table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kato.cli import main
from kato.market.measures import METRICS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "market.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = sorted(set(re.findall(r"kato market ([a-z]+)", TEXT)))


def test_every_measure_is_described() -> None:
    described = set(re.findall(r"`(kato_market_\w+)`", TEXT))
    assert described == set(METRICS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_and_its_options_exist(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as ended:
        main(["market", command, "--help"])
    assert ended.value.code == 0
    lines = re.findall(rf"kato market {command}\b([^\n#]*)", "".join(SHELL))
    options = set(re.findall(r"--[a-z-]+", " ".join(lines)))
    assert options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
