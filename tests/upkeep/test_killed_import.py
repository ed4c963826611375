"""An import that is killed on its way goes on where it was; nothing of it is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage import stores
from tests.upkeep.mortal import killed
from tests.upkeep.test_transfer import rows
from tests.upkeep.whole import known_to

from kato.upkeep.transfer import import_from

KILLS = [
    ("kato.memory.importing.Importing:_put", 2),
    ("kato.storage.ledger.notes.Notes:write", 1),
    ("kato.storage.ledger.notes.Notes:write", 3),
    ("kato.storage.ledger.notes.Notes:remove", 1),
]


def kill_import(folder: Path, where: str, times: int, kills: int, *, replace: bool) -> None:
    """Import is killed on its way, once or twice; then it is as if it had not been."""
    lines = rows(1600, 5)
    lines[700] = "bad"
    file, data = folder / "many.ndjson", folder / "data"
    file.write_text("\n".join(lines))
    options = ["--replace", "--yes"] if replace else []
    for _ in range(kills):
        assert killed(where, times, "--data-dir", data, "import", file, *options)
    with stores.embedded(folder).open() as memory:
        imported = import_from(memory, "default", file, replace=replace)
        assert imported.resumed_at >= 500 * (times - 1)
        once = import_from(memory, "once", file).tally
        assert imported.tally == once
        one, other = (known_to(memory.knowledge_base(name)) for name in ("default", "once"))
        assert one == other
        assert not memory.ledger().command("HLEN", "{0}:notes:import")


def test_an_import_that_is_killed(tmp_path: Path) -> None:
    kill_import(tmp_path, "kato.storage.ledger.notes.Notes:write", 3, 1, replace=True)


@pytest.mark.deep
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize(("where", "times"), KILLS)
def test_imports_that_are_killed(tmp_path: Path, where: str, times: int, replace: bool) -> None:
    kill_import(tmp_path, where, times, 1 if times > 2 else 2, replace=replace)
