"""What is said to a ClickHouse cluster: the text that is committed, and what of it can be run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kato.cli.app import app
from kato.market.layers import migrations as market
from kato.storage.clickhouse import migrations as memory
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.cluster import LOCAL, cluster_ddl
from kato.storage.clickhouse.migrations import Migration, migrate

COMMITTED = Path(__file__).parents[2] / "data" / "cluster.sql"
KINDS = {memory.TABLE: memory.known(), market.TABLE: market.known()}
STATEMENTS = [one for table, steps in KINDS.items() for one in cluster_ddl("main", steps, table)]


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with closing(ClickHouse.embedded(tmp_path_factory.mktemp("clickhouse"))) as clickhouse:
        yield clickhouse


def on_one_server(statement: str) -> str:
    """A statement as far as a server without a keeper and a cluster can carry it out."""
    changes = {
        r" ON CLUSTER 'main'": "",
        r"INSERT INTO (\w+)": rf"INSERT INTO \1{LOCAL}",
        r"Replicated(\w+)\('[^']+', '\{replica\}'(?:, )?(\w*)\)": r"\1(\2)",
        r"\breplicated_deduplication_window = (\d+),\s+\w+ = \d+": (
            r"non_replicated_deduplication_window = \1"
        ),
        r"Distributed\('main', currentDatabase\(\), '(\w+)', cityHash64\([\w, ]+\)\)": (
            r"Merge(currentDatabase(), '^\1$')"
        ),
    }
    for pattern, replacement in changes.items():
        statement = re.sub(pattern, replacement, statement)
    return statement


def described(clickhouse: ClickHouse) -> dict[str, list[tuple[Any, ...]]]:
    """By table, its columns."""
    rows = clickhouse.rows(
        "SELECT table, name, type, default_expression, comment, is_in_sorting_key "
        "FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
    )
    return {table: [tuple(row[1:]) for row in rows if row[0] == table] for table, *_ in rows}


def test_the_committed_text_is_what_is_printed() -> None:
    """After a new migration: ``kato cluster-ddl --cluster main > tests/data/cluster.sql``."""
    printed = CliRunner().invoke(app, ["cluster-ddl", "--cluster", "main"])
    assert printed.output == COMMITTED.read_text(encoding="utf-8")


def test_every_statement_can_be_parsed(clickhouse: ClickHouse) -> None:
    for statement in STATEMENTS:
        if not statement.startswith("INSERT"):
            assert clickhouse.rows(f"EXPLAIN AST {statement}"), statement


def test_shards_hold_the_tables_of_a_server(clickhouse: ClickHouse) -> None:
    """A start after them finds that all migrations were taken."""
    for statement in STATEMENTS:
        clickhouse.command(on_one_server(statement))
    assert [migrate(clickhouse, steps, table) for table, steps in KINDS.items()] == [[], []]
    found = described(clickhouse)
    clickhouse.command("DROP DATABASE kato SYNC")
    clickhouse.command("CREATE DATABASE kato")
    for table, steps in KINDS.items():
        migrate(clickhouse, steps, table)
    expected = described(clickhouse)
    local = {name.removesuffix(LOCAL): found[name] for name in found if name.endswith(LOCAL)}
    assert len(local) > 25
    assert local == {name: expected[name] for name in local}
    assert set(found) - {name + LOCAL for name in local} == set(expected)
    for name, columns in local.items():  # what stands for all shards has their columns
        assert [column[:2] for column in found[name]] == [column[:2] for column in columns]


@pytest.mark.parametrize("statement", [s for s in STATEMENTS if "ENGINE = Distributed" in s])
def test_versions_of_a_row_are_on_one_shard(statement: str) -> None:
    local = re.search(r" AS (\w+)", statement)
    sharded = re.search(r"cityHash64\(([\w, ]+)\)", statement)
    assert local
    assert sharded
    made = next(s for s in STATEMENTS if s.startswith(f"CREATE TABLE IF NOT EXISTS {local[1]} "))
    sorted_by = re.search(r"ORDER BY \(?([\w, ]+)", made)
    assert sorted_by
    assert set(sharded[1].split(", ")) <= set(sorted_by[1].split(", "))


def test_views_on_rows_of_a_shard_stay_on_it() -> None:
    views = [s for s in STATEMENTS if s.startswith("CREATE MATERIALIZED VIEW")]
    assert len(views) > 5
    for view in views:
        target, source = re.findall(r"(?:TO|FROM) (\w+)", view)
        assert target.endswith(LOCAL) == source.endswith(LOCAL)
        assert source.endswith(LOCAL) == (source != "market_landing")


def test_a_name_is_quoted() -> None:
    statements = cluster_ddl("it's \\ a cluster", memory.known(), memory.TABLE)
    assert "ON CLUSTER 'it\\'s \\\\ a cluster'" in statements[0]


def test_a_statement_of_another_kind_is_refused() -> None:
    step = Migration(1, "none", ["RENAME TABLE patterns TO others"])
    with pytest.raises(ValueError, match="RENAME TABLE patterns"):
        cluster_ddl("main", [step], memory.TABLE)
