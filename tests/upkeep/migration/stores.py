"""The stores of an old installation, filled: as servers, and as dumps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pyarrow.parquet as pq
import redis
from tests.upkeep.migration.old import VECTOR, Old

TABLE = """
CREATE TABLE kato.patterns_data
(
    kb_id String, name String, pattern_data Array(Array(String)), length UInt32,
    token_set Array(String), token_count UInt32, minhash_sig Array(UInt32),
    lsh_bands Array(UInt64), first_token String, last_token String,
    created_at DateTime, updated_at DateTime
)
ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, length, name)
"""


def fill_clickhouse(url: str, old: Old) -> None:
    """Make the table, and put the rows in."""
    with clickhouse_connect.get_client(dsn=url) as client:
        client.command("CREATE DATABASE IF NOT EXISTS kato")
        client.command("DROP TABLE IF EXISTS kato.patterns_data")
        client.command(TABLE)
        client.insert_arrow("kato.patterns_data", arrow(old))


def fill_redis(url: str, old: Old) -> None:
    """Set the keys, and others that KATO 3 keeps."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        pipeline = client.pipeline(transaction=False)
        for key, value in old.keys.items():
            if isinstance(value, dict):
                pipeline.hset(key, mapping=value)
            else:
                pipeline.set(key, value)
        pipeline.sadd("alice_kato:symbol_to_patterns:s1", "x")
        pipeline.set("kato:session:1", "{}")
        pipeline.execute()


def arrow(old: Old) -> pa.Table:
    """The table's rows."""
    held = [[s for event in row.events for s in event] for row in old.rows]
    times = [datetime.fromtimestamp(row.created, UTC) for row in old.rows]
    return pa.table(
        {
            "kb_id": [row.base for row in old.rows],
            "name": [row.name for row in old.rows],
            "pattern_data": [row.events for row in old.rows],
            "length": pa.array(map(len, held), pa.uint32()),
            "token_set": [sorted(set(symbols)) for symbols in held],
            "token_count": pa.array((len(set(symbols)) for symbols in held), pa.uint32()),
            "first_token": [symbols[0] for symbols in held],
            "last_token": [symbols[-1] for symbols in held],
            "created_at": pa.array(times, pa.timestamp("s")),
            "updated_at": pa.array(times, pa.timestamp("s")),
        }
    )


def dump_table(folder: Path, kind: str, old: Old, url: str) -> Path:
    """The table as a file, by the server that holds it."""
    file = folder / f"a [odd] name{kind}"
    formats = {".parquet": "Parquet", ".native": "Native", ".csv": "CSVWithNames"}
    formats[".jsonl"] = "JSONEachRow"
    if kind == ".parquet":
        pq.write_table(arrow(old), file)
        return file
    with clickhouse_connect.get_client(dsn=url) as client:
        statement = "SELECT * FROM kato.patterns_data ORDER BY kb_id, length, name"
        file.write_bytes(client.raw_query(statement, fmt=formats[kind]))
    return file


def dump_keys(folder: Path, old: Old) -> Path:
    """The keys, a line of JSON each."""
    file = folder / "keys.ndjson"
    lines = [json.dumps({"key": key, "value": value}) for key, value in old.keys.items()]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def dump_vectors(folder: Path) -> Path:
    """One of the vectors that symbols stand for."""
    file = folder / "vectors.ndjson"
    file.write_text(json.dumps({VECTOR: [1.0, 2.0, 3.0]}) + "\nnothing\n")
    return file


def everything(clickhouse_url: str, redis_url: str) -> tuple[Any, ...]:
    """All that the old stores hold, to see that nothing was written."""
    with (
        clickhouse_connect.get_client(dsn=clickhouse_url) as client,
        redis.Redis.from_url(redis_url) as keys,
    ):
        rows = client.query("SELECT * FROM kato.patterns_data ORDER BY ALL").result_rows
        tables = client.query("SELECT name FROM system.tables WHERE database = 'kato'").result_rows
        kept = {key: keys.dump(key) for key in sorted(keys.scan_iter())}
    return rows, sorted(map(str, tables)), kept
