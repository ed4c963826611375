"""``kato migrate``: everything of an older installation into this memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich import box
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import kato
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.progress import progress_bar
from kato.cli.display.text import safe
from kato.cli.options import Common, Json
from kato.errors import InvalidInput, UnreadableInput
from kato.settings import Settings

if TYPE_CHECKING:
    from kato.upkeep.migration.migrating import Migration, MovedIn

migrate = typer.Typer(name="migrate", no_args_is_help=True, rich_markup_mode="rich")


@migrate.callback()
def before() -> None:
    """Move in from an older installation. It is only read; run again, nothing comes twice."""


Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="OLD=NEW",
        help="Knowledge base that one goes to, by what it was called, as alice_kato=alice; may be"
        " given again [dim](default: its name without the service's)[/].",
        show_default=False,
    ),
]
ServiceName = Annotated[str, typer.Option(help="SERVICE_NAME of the old installation.")]
Vectors = Annotated[
    str | None,
    typer.Option(help='File of vectors: {"VCTR|…": [1.0, 2.0]} in each line.', show_default=False),
]
ReportFile = Annotated[
    Path, typer.Option("--report", help="Where all is written that does not fit, as NDJSON.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, move nothing.")]


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What ``kato migrate`` did; its ``--json`` answer.

    Attributes:
        rows: Rows that were read.
        knowledge_bases: What became of each.
        findings: What did not fit: subject, what was done, how often.
        report: The file that has each of them.
        moved: Whether anything was to be moved: not in a dry run.
        seconds: Time it took.
    """

    rows: int
    knowledge_bases: dict[str, MovedIn]
    findings: list[tuple[str, str, int]]
    report: str
    moved: bool
    seconds: float

    @property
    def differs(self) -> bool:
        """Whether something is stored otherwise than it came."""
        return any(each.differences for each in self.knowledge_bases.values())


@migrate.command()
def kato3(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    clickhouse: Annotated[
        str,
        typer.Option(
            help="URL of its ClickHouse, or a dump of kato.patterns_data: .parquet, .native, .csv,"
            " .jsonl."
        ),
    ],
    redis: Annotated[
        str, typer.Option(help="URL of its Redis, or a dump: RDB, or a line of JSON a key.")
    ],
    vectors: Vectors = None,
    mapping: Map = None,
    service_name: ServiceName = "kato",
    report: ReportFile = Path("migration-report.ndjson"),
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Move in from KATO 3: ClickHouse's rows, with what Redis keeps of each.

    kato migrate kato3 --clickhouse http://old:8123 --redis redis://old:6379 --dry-run
    kato migrate kato3 --clickhouse patterns.parquet --redis dump.rdb --map alice_kato=alice
    """

    def read(migration: Migration) -> None:
        migration.read_kato3(clickhouse, redis)

    sources = ["kato3", clickhouse, redis]
    asked = _Asked(sources, read, vectors, mapping or [], service_name, report, dry_run)
    _answer(_migrated(context, asked), as_json=json)


@migrate.command()
def mongodb(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Folders of mongodump, or files of it or of mongoexport: .bson, .json, plain or"
            " gzip.",
        ),
    ],
    vectors: Vectors = None,
    mapping: Map = None,
    service_name: ServiceName = "kato",
    report: ReportFile = Path("migration-report.ndjson"),
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Move in from the MongoDB storage that KATO had before version 3.

    kato migrate mongodb dump/ --dry-run
    kato migrate mongodb alice_kato.json --map alice_kato=alice
    """
    from kato.upkeep.migration.mongodb import require  # noqa: PLC0415 - help must not wait

    require()

    def read(migration: Migration) -> None:
        migration.read_mongodb(paths)

    asked = _Asked(["mongodb", *paths], read, vectors, mapping or [], service_name, report, dry_run)
    _answer(_migrated(context, asked), as_json=json)


class _Asked(msgspec.Struct, frozen=True):
    """What the options say."""

    sources: list[str]
    read: Callable[[Migration], None]
    vectors: str | None
    mapping: list[str]
    service_name: str
    report: Path
    dry_run: bool


def _migrated(context: typer.Context, asked: _Asked) -> Migrated:
    from kato.upkeep.migration.migrating import Migration, working_in  # noqa: PLC0415 - as above
    from kato.upkeep.migration.names import Targets, mapping_of  # noqa: PLC0415
    from kato.upkeep.migration.report import Report  # noqa: PLC0415

    common = context.find_object(Common) or Common()
    if common.url is not None:
        raise InvalidInput(
            "a migration needs the stores, not a service",
            remedy="stop the service, leave out --url, and run it where the stores are",
        )
    targets = Targets(asked.service_name, mapping_of(asked.mapping))
    cache = Settings.from_environment().cache_dir
    began = time.perf_counter()
    with (
        _written(asked.report) as file,
        working_in(cache, asked.sources) as work,
        progress_bar(notes(), "patterns") as progress,
    ):
        report = Report(file)
        migration = Migration(work, targets, report, _teller(progress))
        try:
            moved = _moved(migration, asked, common)
        finally:
            migration.close()
    return Migrated(
        rows=migration.rows,
        knowledge_bases=moved,
        findings=_listed(report.counts),
        report=str(asked.report),
        moved=not asked.dry_run,
        seconds=time.perf_counter() - began,
    )


def _written(report: Path) -> IO[str]:
    try:
        return report.open("w", encoding="ascii")
    except OSError as error:
        raise UnreadableInput(f"the report cannot be written: {error}") from error


def _moved(migration: Migration, asked: _Asked, common: Common) -> dict[str, MovedIn]:
    if asked.vectors is not None:
        migration.read_vectors(asked.vectors)
    asked.read(migration)
    if asked.dry_run:
        return migration.checked()
    with kato.open(common.data_dir) as memory:
        return migration.move(memory)


def _teller(progress: Progress) -> Callable[[str, int], None]:
    tasks: dict[str, Any] = {}
    done: Counter[str] = Counter()

    def told(what: str, more: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=None, done=0)
        done[what] += more
        if more > 1 or done[what] % 500 == 0:
            progress.update(tasks[what], done=done[what])

    return told


def _listed(counts: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    return [(*key, times) for key, times in sorted(counts.items())]


def _answer(migrated: Migrated, *, as_json: bool) -> None:
    if as_json:
        print_json(migrated)
    else:
        _print(migrated)
    if migrated.differs:
        raise typer.Exit(1)


def _print(migrated: Migrated) -> None:
    console = answers()
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("knowledge base", overflow="fold")
    table.add_column("patterns", justify="right")
    table.add_column("")
    for name, base in migrated.knowledge_bases.items():
        table.add_row(Text(safe(name)), f"{base.patterns:,}", _became(base, moved=migrated.moved))
    console.print(table)
    if migrated.findings:
        console.print(_findings(migrated))
    rate = f"{migrated.rows:,} rows in {migrated.seconds:,.1f} s"
    console.print(Text(f"{rate}; all that did not fit: {safe(migrated.report)}", "dim"))


def _became(base: MovedIn, *, moved: bool) -> str:
    if not moved:
        return "would be moved in"
    if base.was_done:
        return "had been moved in before: nothing was changed"
    if base.differences:
        return f"{base.differences:,} differences, see the report"
    return "moved in, and verified"


def _findings(migrated: Migrated) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("what did not fit")
    table.add_column("what was done")
    table.add_column("how often", justify="right")
    for subject, done, times in migrated.findings:
        table.add_row(subject, done, f"{times:,}")
    return table
