"""Without the extras everything else is as it was."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
for name in ("picows", "confluent_kafka", "fastavro", "matplotlib"):
    sys.modules[name] = None
import kato, kato.cli, kato.market, kato.market.market, kato.market.charts, kato.market.observing
from kato.service import create_app
from kato.settings import Settings
create_app(Settings.from_environment({}))
from importlib.util import find_spec
import kato.market.extra as extra
extra.find_spec = lambda name: None
paths = create_app(Settings.from_environment({})).openapi()["paths"]
assert not [path for path in paths if path.startswith("/market")]
from kato.cli import main
main(["market", "demo"])
"""


def test_without_the_extras_only_the_market_s_commands_and_routes_are_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "not installed: picows, confluent-kafka, fastavro; pip install 'kato[market]'" in (
        done.stderr.replace("\n", "")
    )
