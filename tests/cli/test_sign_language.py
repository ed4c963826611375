from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "sign_language.py"


def test_overlapping_fields_are_events(tmp_path: Path) -> None:
    path = tmp_path / "signs.txt"
    path.write_text("# comment\n1 5 15 23 \n1 8 8 16\n1 9 23 28\n2 8 1 1\n2 7 -12 -11\n2 6 1 4")
    ran = subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, check=True)
    assert [json.loads(line)["events"] for line in ran.stdout.splitlines()] == [
        [["field8", "field5"], ["field9"]],
        [["field7"], ["field8"], ["field6"]],
    ]
