"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

import kato
from kato.cli.display.console import notes
from kato.cli.display.text import safe
from kato.cli.reading import FORMATS, Columns, Inputs, Window
from kato.errors import InvalidInput, KatoError, NotFound, StoreInUse
from kato.settings import Settings

if TYPE_CHECKING:
    from kato.client import RemoteKnowledgeBase, RemoteMemory
    from kato.memory import KnowledgeBase, Memory

    AnyMemory = Memory | RemoteMemory
    AnyKnowledgeBase = KnowledgeBase | RemoteKnowledgeBase

COMPLETION_SECONDS = 1.0
"""How long somebody who pressed a key waits for names."""


def served_knowledge_bases(context: typer.Context, incomplete: str) -> list[str]:
    """The knowledge bases that begin so, if a service can be asked: to start stores takes long."""
    from kato.client import connect  # noqa: PLC0415 - help must not wait for it
    from kato.storage.embedded.directory import owner_now  # noqa: PLC0415

    given = context.parent.params if context.parent else {}
    common = Common(given.get("data_dir"), given.get("url"), given.get("api_key"))
    try:
        owner = None if common.url else owner_now(common.folder)
        url = common.url or (owner.address if owner else None)
        if url is None:
            return []
        with connect(url, common.api_key, COMPLETION_SECONDS, retries=0) as memory:
            return [name for name in memory.knowledge_bases() if name.startswith(incomplete)]
    except KatoError:
        return []


_READING = "Reading"
_TABLES = "Tables (CSV, TSV, blank-separated, Parquet)"
_DELIMITERS = {"tab": "\t", r"\t": "\t", "blank": " ", "comma": ",", "semicolon": ";"}

KnowledgeBaseName = Annotated[
    str,
    typer.Option("--kb", help="Knowledge base, by name.", autocompletion=served_knowledge_bases),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE", help="Files to read, plain or gzip; [bold]-[/] is standard input."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="One of " + ", ".join(FORMATS) + ". Guessed by extension and content if not given;"
        " text (words of running text, a sentence a sequence) is never guessed.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
WindowSize = Annotated[
    int | None,
    typer.Option(
        "--window",
        min=1,
        help="Cut sequences of more events than this into windows of this many.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
WindowStep = Annotated[
    int | None,
    typer.Option(
        "--step",
        min=1,
        help="Events from the begin of one window to the next; by default each begins where the"
        " one before ends. What remains at the end is a window too if it has two symbols.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop at the first bad line; what was learned before it stays learned.",
        rich_help_panel=_READING,
    ),
]
SequenceColumn = Annotated[
    str | None,
    typer.Option(
        help="Column that says which sequence a row belongs to, by name or position from 1"
        " [dim](default: sequence, else 1)[/]. Rows may come in any order, so a table is held in"
        " memory, some 50 bytes a row.",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]
SymbolColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of the symbol [dim](default: symbol, else 2)[/].",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]
OrderColumn = Annotated[
    str | None,
    typer.Option(
        help="Column to order the rows of a sequence by, as numbers if all of them are"
        " [dim](default: order, else as the rows come)[/].",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]
EventColumn = Annotated[
    str | None,
    typer.Option(
        help="Column with what the symbols of one event have in common, often the time"
        " [dim](default: event, else a row is an event)[/].",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        help="One character, or tab, comma, semicolon, or blank for any run of blanks. Found in"
        " the first line if not given.",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line names the columns [dim](default: if a column is asked by name,"
        " or it holds sequence and symbol)[/].",
        rich_help_panel=_TABLES,
        show_default=False,
    ),
]


class Common(msgspec.Struct, frozen=True):
    """What stands before the command: ``kato --data-dir PATH learn …``.

    Attributes:
        data_dir: Folder of the stores.
        url: A service to talk to instead.
        api_key: Its key, if it wants one.
    """

    data_dir: Path | None = None
    url: str | None = None
    api_key: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of the stores, if they are in one."""
        return self.data_dir or Settings.from_environment().data_dir


def inputs_of(
    files: list[str],
    *,
    format_name: str | None,
    window: int | None,
    step: int | None,
    columns: Columns,
) -> Inputs:
    """The inputs as the options describe them.

    Raises:
        InvalidInput: An option cannot be used.
    """
    if format_name is not None and format_name not in FORMATS:
        raise InvalidInput(f"no such format: {format_name!a}", remedy="use " + ", ".join(FORMATS))
    if step is not None and window is None:
        raise InvalidInput("--step without --window cuts nothing", remedy="give --window too")
    cut = None if window is None else Window.of(window, step)
    return Inputs(files, format_name=format_name, columns=columns, window=cut)


def delimiter_of(text: str | None) -> str | None:
    r"""The delimiter a text names.

    Raises:
        InvalidInput: It is no single character.

    >>> delimiter_of("tab")
    '\t'
    """
    if text is None:
        return None
    delimiter = _DELIMITERS.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InvalidInput(
            f"a delimiter must be one character, got {text!a}",
            remedy="use one character, or tab, comma, semicolon, blank",
        )
    return delimiter


@contextmanager
def opened(context: typer.Context) -> Iterator[AnyMemory]:
    """The memory the options before the command say: a service's, or that of the stores.

    Where a process owns the stores and serves them, that service's.
    """
    common = context.find_object(Common) or Common()
    with ExitStack() as stack:
        if common.url is not None:
            memory: AnyMemory = stack.enter_context(_remote(common.url, common))
        else:
            try:
                memory = stack.enter_context(kato.open(common.data_dir))
            except StoreInUse as error:
                memory = stack.enter_context(_owner_s(common, error))
        yield memory


@contextmanager
def opened_stores(context: typer.Context) -> Iterator[Memory]:
    """The memory of the stores themselves, never that of a service.

    Raises:
        InvalidInput: ``--url`` asks for a service.
        StoreInUse: Another process owns the data directory.
    """
    with kato.open(path_of_stores(context)) as memory:
        yield memory


def path_of_stores(context: typer.Context) -> Path | None:
    """The data directory, if it was given, for a command that works on the stores themselves.

    Raises:
        InvalidInput: ``--url`` asks for a service.
    """
    common = context.find_object(Common) or Common()
    if common.url is not None:
        raise InvalidInput(
            "this command works on the stores, not through a service",
            remedy="leave --url and KATO_URL out; give --data-dir where the stores are",
        )
    return common.data_dir


def _owner_s(common: Common, in_use: StoreInUse) -> RemoteMemory:
    """The memory of the process that has the stores open; the error, if it serves none."""
    from kato.storage.embedded.directory import owner_of  # noqa: PLC0415 - only needed here

    owner = owner_of(common.folder)
    if owner is None or owner.address is None:
        raise in_use
    notes().print(
        safe(f"{common.folder} is served by process {owner.pid}: asking {owner.address}"),
        style="dim",
        soft_wrap=True,
    )
    return _remote(owner.address, common)


def _remote(url: str, common: Common) -> RemoteMemory:
    from kato.client import connect  # noqa: PLC0415 - help must not wait for it

    return connect(url, common.api_key)


def existing(memory: AnyMemory, name: str) -> AnyKnowledgeBase:
    """A knowledge base that must be there already.

    Raises:
        NotFound: There is none of that name; asking for it would create it.
    """
    if name not in memory.knowledge_bases():
        raise NotFound(
            f"there is no knowledge base {name!a}",
            remedy="kato stats lists those there are; kato learn makes one",
        )
    return memory.knowledge_base(name)
