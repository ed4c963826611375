"""Sealing: when a candle's time is over, it is computed anew from distinct trades.

Minutes are computed from silver, the longer candles from sealed minutes, which is exact: minutes do
not overlap, so the first of them has the first trade. A window is due when its time and the allowed
lateness are over and its live candle counts other trades than its sealed one: it has none yet, or
a late trade came, or a batch was seen half done. So sealing needs no state of its own, may be cut
off anywhere, and every later turn sets right what an earlier one saw too early.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kato.market.layers.retention import end_of, floor_of, month_of
from kato.market.timeframes import TIMEFRAMES, Timeframe
from kato.storage.clickhouse.client import ClickHouse

LATENESS = 10.0
"""Seconds a trade may come late without a candle being sealed twice."""

RECENT = 2 * 86_400
"""Seconds back that every turn looks at; what came later still is found by a full one."""

_NEAR = 3600 * 10**9
_LONGEST = 86_400 * 10**9

_LOOK = 8 * 86_400 * 10**9

_MONTHS = "SELECT DISTINCT _partition_id FROM candles_live ORDER BY 1"
_DUE = """
SELECT DISTINCT toUnixTimestamp(start) AS at FROM (
    SELECT exchange, symbol, start, sum(trades) AS counted FROM candles_live
    WHERE seconds = {seconds:UInt32}
        AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
    GROUP BY exchange, symbol, start
) AS live
LEFT JOIN (
    SELECT exchange, symbol, start, argMax(trades, version) AS counted FROM candles_sealed
    WHERE seconds = {seconds:UInt32}
        AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
    GROUP BY exchange, symbol, start
) AS sealed USING (exchange, symbol, start)
WHERE live.counted != sealed.counted
ORDER BY at
"""
_SEAL_MINUTES = """
INSERT INTO candles_sealed (seconds, exchange, symbol, start, open, high, low, close,
    volume, quote_volume, buy_volume, trades, first_time, last_time, version)
SELECT 60, exchange, symbol,
    toDateTime(intDiv(toUnixTimestamp64Second(time), 60) * 60, 'UTC') AS begin,
    argMin(price, (time, sequence, trade_id)), max(price), min(price),
    argMax(price, (time, sequence, trade_id)), sum(toDecimal256(size, 24)), sum(quote),
    sumIf(toDecimal256(size, 24), side = 'BUY'), count(), min(time), max(time),
    {version:UInt64}
FROM silver_trades FINAL
WHERE is_valid AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND time < fromUnixTimestamp64Nano({stop:Int64}, 'UTC')
GROUP BY exchange, symbol, begin
SETTINGS do_not_merge_across_partitions_select_final = 1
"""
_SEAL_LONGER = """
INSERT INTO candles_sealed (seconds, exchange, symbol, start, open, high, low, close,
    volume, quote_volume, buy_volume, trades, first_time, last_time, version)
SELECT {seconds:UInt32}, exchange, symbol,
    toDateTime(intDiv(toUnixTimestamp(minutes.start), {seconds:UInt32}) * {seconds:UInt32},
        'UTC') AS begin,
    argMin(open, minutes.start), max(high), min(low), argMax(close, minutes.start),
    sum(volume), sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
    max(last_time), {version:UInt64}
FROM candles_sealed AS minutes FINAL
WHERE minutes.seconds = 60 AND minutes.start >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND minutes.start < fromUnixTimestamp64Nano({stop:Int64}, 'UTC')
GROUP BY exchange, symbol, begin
SETTINGS do_not_merge_across_partitions_select_final = 1
"""


class Sealed(msgspec.Struct, frozen=True):
    """What a turn of sealing did.

    Attributes:
        windows: How many candles' times were sealed, of all timeframes.
        seconds: How long that took.
    """

    windows: int
    seconds: float


class Sealer:
    """Seals candles whose time is over. Several may do so at once; one at a time is enough.

    Args:
        clickhouse: Where the layers are.
        lateness: Seconds a trade may come late.
    """

    def __init__(self, clickhouse: ClickHouse, lateness: float = LATENESS) -> None:
        self._clickhouse = clickhouse
        self._lateness = int(lateness * 1e9)

    def seal(
        self, now: int | None = None, *, since: int | None = None, everything: bool = False
    ) -> Sealed:
        """Seal what is due.

        Args:
            now: The time, ns since 1970; the clock's by default.
            since: Also look at live candles from then on, not only at those of the last two days.
            everything: Look at all live candles.

        Raises:
            StoreUnavailable: ClickHouse does not answer.
        """
        began = time.perf_counter()
        moment = time.time_ns() if now is None else now
        recent = moment - RECENT * 1_000_000_000
        # A whole day, as the longest candle begins so long before its last trade.
        asked = recent if since is None else min(recent, since - 86_400 * 10**9)
        first = 0 if everything else max(asked, 0)
        floor = max(first, floor_of(self._clickhouse, "silver_trades"))
        windows = sum(self._seal(one, moment, floor) for one in TIMEFRAMES)
        return Sealed(windows, time.perf_counter() - began)

    def seal_again(self, timeframe: Timeframe, start: int) -> None:
        """Seal the candles of one time again, whatever they are; longer ones from sealed minutes.

        Args:
            timeframe: How long they are.
            start: When they begin, ns since 1970.

        Raises:
            StoreUnavailable: ClickHouse does not answer.
        """
        self._compute(timeframe, start, start + timeframe.nanoseconds)

    def _seal(self, timeframe: Timeframe, now: int, since: int) -> int:
        until = timeframe.start(max(now - self._lateness, 0))
        # A window that begins before the floor was whole once, and is not any more.
        first = timeframe.start(max(since, 0) + timeframe.nanoseconds - 1)
        windows = 0
        for begin, end in self._stretches(first, until):
            due = self._due(timeframe, begin, end)
            windows += len(due)
            for start, stop in _ranges(due, timeframe):
                self._compute(timeframe, start, stop)
        return windows

    def _stretches(self, first: int, until: int) -> Iterator[tuple[int, int]]:
        """The times to look at, so few days at once that the answer takes little memory."""
        if until - first <= _LOOK:
            yield first, until
            return
        for (month,) in self._clickhouse.rows(_MONTHS):
            begin, end = max(month_of(month), first), min(end_of(month), until)
            for start in range(begin, end, _LOOK):
                yield start, min(start + _LOOK, end)

    def _due(self, timeframe: Timeframe, first: int, until: int) -> list[int]:
        rows = self._clickhouse.rows(
            _DUE,
            {
                "seconds": timeframe.seconds,
                "since": first // 1_000_000_000,
                "until": until // 1_000_000_000,
            },
        )
        return [at * 1_000_000_000 for (at,) in rows]

    def _compute(self, timeframe: Timeframe, start: int, stop: int) -> None:
        statement = _SEAL_MINUTES if timeframe is TIMEFRAMES[0] else _SEAL_LONGER
        self._clickhouse.command(
            statement,
            {
                "seconds": timeframe.seconds,
                "start": start,
                "stop": stop,
                "version": time.time_ns(),
            },
        )


def _ranges(starts: Sequence[int], timeframe: Timeframe) -> Iterable[tuple[int, int]]:
    """Windows that are near each other as one range, of a day at the most.

    What lies between them is sealed again, which changes nothing; a statement takes longer than
    an hour of trades. No range is so long that its statement takes long.
    """
    pending: list[int] = []
    for start in starts:
        if pending and (start - pending[-1] > _NEAR or start - pending[0] >= _LONGEST):
            yield pending[0], pending[-1] + timeframe.nanoseconds
            pending.clear()
        pending.append(start)
    if pending:
        yield pending[0], pending[-1] + timeframe.nanoseconds
