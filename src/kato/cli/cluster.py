"""``kato cluster-ddl``: the tables for a cluster of ClickHouse servers."""

from __future__ import annotations

from typing import Annotated

import typer


def cluster_ddl(
    cluster: Annotated[
        str, typer.Option(help="The cluster, as the configuration of its servers calls it.")
    ],
) -> None:
    """Print the statements that make KATO's tables on a ClickHouse cluster.

    They are made of the migrations of this release and carried out by nobody here; what KATO cannot
    do on such tables yet stands in docs/clusters.md.
    """
    from kato.market.layers import migrations as market  # noqa: PLC0415 - help must not wait
    from kato.storage.clickhouse import cluster as clusters  # noqa: PLC0415
    from kato.storage.clickhouse import migrations as memory  # noqa: PLC0415

    kinds = ((memory.known(), memory.TABLE), (market.known(), market.TABLE))
    for steps, table in kinds:
        for statement in clusters.cluster_ddl(cluster, steps, table):
            typer.echo(f"{statement};\n")
