"""What a feed counts."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

State = Literal["waiting", "connecting", "subscribing", "live", "stopped"]


class Counts(msgspec.Struct):
    """Counters and states of a feed, written by its thread, read by anybody.

    Attributes:
        messages: Texts that were received.
        bytes: Their length.
        trades: Trades in them, each as often as it came.
        heartbeats: Heartbeats.
        records: Records sent to the raw topic.
        normalized: Records sent to the normalized topic.
        dead_letters: Texts sent to the dead letters, by cause (``unreadable``, ``malformed trade``,
            ``unknown symbol``).
        notes: Gaps, late trades, duplicates, resets and reconnects, by kind: how many trades
            they are about, resets and reconnects themselves.
        lost_messages: Messages that are missing in the count of a connection.
        connections: Connections that went live.
        failures: Connections that were lost or did not go live, by cause.
        rotations: Connections that were replaced while they were live.
        refusals: Subscriptions that were refused.
        state: What the feed does.
        connected_at: When the connection went live, ns since 1970; 0 if it never did.
        message_at: When the last text was received, ns since 1970; 0 if none was.
        trade_at: When the newest trade was made, ns since 1970, as the exchange says.
        received_at: When the newest trade was received, ns since 1970.
    """

    messages: int = 0
    bytes: int = 0
    trades: int = 0
    heartbeats: int = 0
    records: int = 0
    normalized: int = 0
    dead_letters: Counter[str] = msgspec.field(default_factory=Counter)
    notes: Counter[str] = msgspec.field(default_factory=Counter)
    lost_messages: int = 0
    connections: int = 0
    failures: Counter[str] = msgspec.field(default_factory=Counter)
    rotations: int = 0
    refusals: int = 0
    state: State = "stopped"
    connected_at: int = 0
    message_at: int = 0
    trade_at: int = 0
    received_at: int = 0
