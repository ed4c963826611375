"""``kato doctor``: what is wrong with a setup, and what to do about it."""

from __future__ import annotations

import typer
from rich.text import Text

from kato.cli import options
from kato.cli.checkup import Finding, findings
from kato.cli.display.console import answers, print_json
from kato.cli.display.text import safe


def doctor(context: typer.Context, json: options.Json = False) -> None:
    """Look at everything a setup needs, and say what is wrong and what to do about it.

    Python and packages, settings, the data directory, engines, compiled kernels,
    servers by URL, and a service. Nothing is changed. Ends with 1 if something is wrong.
    """
    common: options.Common = context.obj
    console, found = answers(), []
    for finding in findings(common.data_dir, common.url, common.api_key):
        found.append(finding)
        if not json:
            console.print(_line(finding), soft_wrap=True)
    problems = sum(not finding.ok for finding in found)
    if json:
        print_json({"ok": not problems, "findings": found})
    elif problems:
        console.print(Text(f"{problems} of {len(found)} need a remedy", "bold red"))
    if problems:
        raise typer.Exit(1)


def _line(finding: Finding) -> Text:
    mark = ("ok      ", "green") if finding.ok else ("problem ", "bold red")
    line = Text.assemble(mark, f"{finding.check}: ", safe(finding.message))
    return line.append(safe(f"; {finding.remedy}")) if finding.remedy else line
