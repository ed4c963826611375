"""Says at the end how many were killed."""

from __future__ import annotations

import pytest
from tests.crash import laboratory


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line about the laboratory, where it ran in this process."""
    if laboratory.tally:
        terminalreporter.write_line(laboratory.summary())
