"""What a call may bring, as the settings say."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import HTTPException

from kato.service.context import Context


def check_events(events: Sequence[Sequence[str]], context: Context) -> None:
    """Refuse more events, or greater ones, than the settings let a call bring."""
    settings = context.settings
    if len(events) > settings.max_call_events:
        raise HTTPException(
            413, f"a call brings at most {settings.max_call_events} events, this one {len(events)}"
        )
    most = max(map(len, events), default=0)
    if most > settings.max_event_symbols:
        raise HTTPException(
            413, f"an event has at most {settings.max_event_symbols} symbols, this one {most}"
        )
