"""Running the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.cli.fake import FakeStores

import kato
from kato.cli import main


class Ran(msgspec.Struct, frozen=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> FakeStores:
    stores = FakeStores()
    monkeypatch.setattr(kato, "open", stores.open, raising=False)
    return stores


@pytest.fixture
def run(
    stores: FakeStores, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run ``kato`` with arguments over a memory without stores, 100 columns wide."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run_main(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run_main
