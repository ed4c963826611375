"""``kato show``, ``stats``, ``forget``, ``clear``, ``drop``: what is stored, taking it away."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kato.cli import options
from kato.cli.confirming import Yes, confirm
from kato.cli.display.console import answers, print_json
from kato.cli.display.text import events_text, safe, symbol_text
from kato.model.naming import bare_name

if TYPE_CHECKING:
    from kato.cli.options import AnyKnowledgeBase
    from kato.memory import (
        KnowledgeBaseStatistics,
        MemoryStatistics,
        SymbolStatistics,
    )
    from kato.model.pattern import Pattern

Name = Annotated[str, typer.Argument(help="The pattern's name: 40 hexadecimal digits.")]


def show(
    context: typer.Context,
    name: Name,
    kb: options.KnowledgeBaseName = "default",
    json: options.Json = False,
) -> None:
    """Show a pattern: its events, how often it was learned, emotives and metadata."""
    with options.opened(context) as memory:
        pattern = options.existing(memory, kb).get(bare_name(name))
    if json:
        print_json(pattern)
    else:
        answers().print(_pattern_panel(pattern))


def stats(
    context: typer.Context,
    kb: Annotated[
        str | None,
        typer.Option("--kb", help="Only this knowledge base, with its most frequent symbols."),
    ] = None,
    symbols: Annotated[
        int, typer.Option(min=0, help="How many symbols to show with [bold]--kb[/].")
    ] = 10,
    json: options.Json = False,
) -> None:
    """Show what is stored: knowledge bases, patterns, symbols, bytes."""
    with options.opened(context) as memory:
        names = memory.knowledge_bases() if kb is None else [kb]
        bases = {name: options.existing(memory, name) for name in names}
        counts = {name: base.stats() for name, base in bases.items()}
        frequent = [] if kb is None else _most_frequent(bases[kb], symbols)
        stores = memory.stats()
    if json:
        print_json(_json_statistics(stores, counts, frequent if kb is not None else None))
    else:
        _print_statistics(answers(), stores, counts, frequent)


def forget(
    context: typer.Context,
    name: Name,
    kb: options.KnowledgeBaseName = "default",
    yes: Yes = False,
) -> None:
    """Forget one pattern: its share is taken out of every count. Asks first."""
    with options.opened(context) as memory:
        knowledge_base = options.existing(memory, kb)
        pattern = knowledge_base.get(bare_name(name))
        confirm(f"Forget {safe(events_text(pattern.events))}?", yes=yes)
        knowledge_base.forget(pattern.name)
    answers().print(Text(f"forgotten: {safe(bare_name(name))}"))


def clear(
    context: typer.Context,
    kb: options.KnowledgeBaseName = "default",
    yes: Yes = False,
) -> None:
    """Forget everything in a knowledge base. Asks first."""
    with options.opened(context) as memory:
        knowledge_base = options.existing(memory, kb)
        patterns = knowledge_base.stats().patterns
        confirm(f"Forget all {patterns:,} patterns of {safe(kb)}?", yes=yes)
        knowledge_base.clear()
    answers().print(Text(f"cleared: {safe(kb)}, {patterns:,} patterns"))


def drop(
    context: typer.Context,
    kb: Annotated[str, typer.Argument(metavar="KB", help="Knowledge base, by name.")],
    yes: Yes = False,
) -> None:
    """Forget a knowledge base with its name. Asks first; a service wants it marked disposable."""
    with options.opened(context) as memory:
        patterns = options.existing(memory, kb).stats().patterns
        confirm(f"Drop {safe(kb)} with all its {patterns:,} patterns?", yes=yes)
        memory.forget_knowledge_base(kb)
    answers().print(Text(f"dropped: {safe(kb)}, {patterns:,} patterns"))


def _pattern_panel(pattern: Pattern) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("events", Text(events_text(pattern.events)))
    rows.add_row("length", f"{pattern.length:,} symbols in {len(pattern.events):,} events")
    rows.add_row("frequency", f"learned {pattern.frequency:,}×")
    for record in pattern.emotives:
        felt = ", ".join(f"{symbol_text(name)} {value:g}" for name, value in record.items())
        rows.add_row("emotives", Text(felt))
    for key, values in pattern.metadata.items():
        rows.add_row(Text(symbol_text(key)), Text(", ".join(map(symbol_text, values))))
    title = f"pattern {pattern.name}"
    return Panel(rows, box=box.ROUNDED, title=title, title_align="left", border_style="dim")


def _most_frequent(knowledge_base: AnyKnowledgeBase, count: int) -> list[SymbolStatistics]:
    symbols = knowledge_base.symbols()
    return nsmallest(count, symbols, key=lambda symbol: (-symbol.frequency, symbol.name))


def _json_statistics(
    stores: MemoryStatistics,
    counts: dict[str, KnowledgeBaseStatistics],
    frequent: list[SymbolStatistics] | None,
) -> dict[str, object]:
    answer: dict[str, object] = {"memory": stores, "knowledge_bases": counts}
    return answer if frequent is None else answer | {"symbols": frequent}


def _print_statistics(
    console: Console,
    stores: MemoryStatistics,
    counts: dict[str, KnowledgeBaseStatistics],
    frequent: list[SymbolStatistics],
) -> None:
    console.print(_counts_table(counts) if counts else "nothing was learned yet")
    if frequent:
        console.print(_symbols_table(frequent))
    limit = stores.ledger_limit_bytes
    allowed = f" of {decimal(limit)} it may use" if limit else ""
    console.print(
        f"ledger {decimal(stores.ledger_bytes)}{allowed}, disk {decimal(stores.disk_bytes)},"
        f" journal {stores.journal_entries:,} entries",
        style="dim",
    )


def _counts_table(counts: dict[str, KnowledgeBaseStatistics]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("knowledge base", overflow="fold")
    for heading in ("patterns", "learned", "distinct symbols", "symbols"):
        table.add_column(heading, justify="right")
    for name, count in counts.items():
        numbers = (
            count.patterns,
            count.pattern_frequencies,
            count.symbols,
            count.total_symbols,
        )
        table.add_row(Text(symbol_text(name)), *(f"{number:,}" for number in numbers))
    return table


def _symbols_table(symbols: list[SymbolStatistics]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("symbol", overflow="fold")
    table.add_column("frequency", justify="right")
    table.add_column("in patterns", justify="right")
    for symbol in symbols:
        table.add_row(
            Text(symbol_text(symbol.name)),
            f"{symbol.frequency:,}",
            f"{symbol.pattern_member_frequency:,}",
        )
    return table
