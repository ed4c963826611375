"""A program of its own: a dump of KATO 3's table as Parquet, made by the engine that knows both.

python -m kato.upkeep.migration.convert DUMP FORMAT PARQUET
"""

from __future__ import annotations

import sys

import clickhouse_connect

from kato.upkeep.migration.table import COLUMNS

_HINTS = "kb_id String, name String, pattern_data Array(Array(String)), created_at DateTime"
"""Types where a format has none. A structure would give columns that are missing a default."""


def main() -> None:
    """Convert the file that the arguments name."""
    dump, kind, parquet = sys.argv[1:]
    client = clickhouse_connect.get_client(interface="chdb")
    client.command(
        "INSERT INTO FUNCTION file({parquet:String}, 'Parquet') "  # noqa: S608 - constants
        f"SELECT {COLUMNS} FROM file({{dump:String}}, {{kind:String}}) "
        f"SETTINGS output_format_parquet_string_as_string = 0, schema_inference_hints = '{_HINTS}'",
        {"dump": dump, "kind": kind, "parquet": parquet},
    )


if __name__ == "__main__":
    main()
