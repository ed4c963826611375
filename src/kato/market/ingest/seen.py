"""Which trades were there before: intervals of ids, and a look into silver for what is older.

An instrument's newest ids are known as intervals (ids that are numbers) or as a set (ids that are
not, as those made of a trade's content); they are read from silver when the instrument is met
first. Of ids before them silver is asked. So a late trade is taken and a repeated one is not,
however late it comes, as long as silver keeps it. There is no high-water mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.market.ingest.intervals import Hole, Intervals
from kato.market.layers.numbers import NO_NUMBER, Numbers
from kato.market.layers.rows import Batch, Bits
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import columns_of

KNOWN_NUMBERS = 100_000
"""How far back from the newest id the intervals reach when they are read from silver."""

KNOWN_TEXTS = 100_000
"""How many ids that are no numbers are known of an instrument."""

_ASKED = 1000  # ids in a question
_NEWEST = """
SELECT number FROM silver_trades
WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND native = {native:String}
AND number >= 0 ORDER BY time DESC LIMIT 1
"""
_SINCE = """
SELECT toUInt64(number) AS id FROM silver_trades
WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND native = {native:String}
AND number >= {floor:Int64}
"""
_FOUND = """
SELECT number FROM silver_trades
WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND native = {native:String}
AND number IN {ids:Array(Int64)}
"""
_RECORDED = """
SELECT after, before FROM market_gaps FINAL WHERE exchange = {exchange:String}
AND symbol = {symbol:String} AND kind = 'missing' AND missing > 0 AND after >= {floor:UInt64}
"""
_TEXTS = """
SELECT trade_id, toUnixTimestamp64Nano(time) FROM silver_trades
WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND native = {native:String}
AND number < 0 ORDER BY time DESC LIMIT {limit:UInt64}
"""
_HAS_TEXT = """
SELECT count() FROM silver_trades
WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND native = {native:String}
AND time = fromUnixTimestamp64Nano({time:Int64}, 'UTC') AND trade_id = {id:String}
"""


class Instrument(msgspec.Struct, frozen=True):
    """An instrument as silver knows it: two natives of an exchange may share a symbol."""

    exchange: str
    symbol: str
    native: str


class NewGap(msgspec.Struct, frozen=True):
    """A hole between ids, as it came to be or was filled.

    Attributes:
        instrument: Of which.
        hole: Between which ids.
        is_open: Whether it is there now.
        time: Of the trade behind it, ns since 1970; 0 where it is not known.
        connection: By which that came.
    """

    instrument: Instrument
    hole: Hole
    is_open: bool
    time: int = 0
    connection: str = ""


class Decision(msgspec.Struct, frozen=True, eq=False):
    """What is new in a batch; nothing is remembered of it until :meth:`Seen.keep`.

    Attributes:
        new: bool[k].
        gaps: Holes that it makes or fills.
    """

    new: Bits
    gaps: list[NewGap]
    numbers: dict[Instrument, Intervals]
    recorded: set[Instrument]
    texts: dict[Instrument, Texts]


class Texts(msgspec.Struct, frozen=True):
    """Ids that are no numbers.

    Attributes:
        times: When each id's trade was made, ns since 1970.
        floor: All of trades made since then are known.
    """

    times: dict[str, int]
    floor: int

    def kept(self) -> Texts:
        """Without the oldest, if there are too many."""
        if len(self.times) <= 2 * KNOWN_TEXTS:
            return self
        floor = sorted(self.times.values())[-KNOWN_TEXTS]
        return Texts({text: time for text, time in self.times.items() if time >= floor}, floor)


class Seen:
    """The ids that ingest has let through.

    Args:
        clickhouse: Where silver is.
        known: How far back from the newest id intervals reach, in ids.
    """

    def __init__(self, clickhouse: ClickHouse, known: int = KNOWN_NUMBERS) -> None:
        self._clickhouse = clickhouse
        self._known = known
        self._numbers: dict[Instrument, Intervals] = {}
        self._recorded: dict[Instrument, Intervals] = {}  # whose holes the table of gaps has
        self._texts: dict[Instrument, Texts] = {}

    def decide(self, batch: Batch) -> Decision:
        """Which trades of a batch are new: the first of each id that was not seen before."""
        decision = Decision(np.zeros(len(batch), np.bool_), [], {}, set(), {})
        order = np.argsort(batch.instrument, kind="stable")
        bounds = np.searchsorted(batch.instrument[order], np.arange(len(batch.instruments) + 1))
        for place, (exchange, native) in enumerate(batch.instruments):
            rows = order[bounds[place] : bounds[place + 1]]
            if batch.symbols[place] and len(rows):
                instrument = Instrument(exchange, batch.symbols[place], native)
                self._decide(batch, instrument, rows, decision)
        return decision

    def keep(self, decision: Decision) -> None:
        """Remember what was new."""
        for instrument, intervals in decision.numbers.items():
            kept = self._numbers[instrument] = intervals.kept()
            if instrument in decision.recorded:
                self._recorded[instrument] = kept
        for instrument, texts in decision.texts.items():
            self._texts[instrument] = texts.kept()

    def forget(self) -> None:
        """Read everything from silver again, where it is needed: somebody else filled it."""
        self._numbers.clear()
        self._recorded.clear()
        self._texts.clear()

    def _decide(
        self,
        batch: Batch,
        instrument: Instrument,
        rows: npt.NDArray[np.int64],
        decision: Decision,
    ) -> None:
        numbers = batch.numbers[rows]
        numbered = numbers != NO_NUMBER
        if numbered.any():
            self._decide_numbers(batch, instrument, rows[numbered], decision)
        for row in rows[~numbered].tolist():
            if batch.ids[row]:
                self._decide_text(batch.ids[row], int(batch.times[row]), instrument, row, decision)

    def _decide_numbers(
        self,
        batch: Batch,
        instrument: Instrument,
        rows: npt.NDArray[np.int64],
        decision: Decision,
    ) -> None:
        numbers = batch.numbers[rows]
        before = self._intervals(instrument)
        new = _first_of_each(numbers) & ~before.hold(numbers)
        older = new & (numbers < before.floor)
        if older.any():
            new[older] = ~self._in_silver(instrument, numbers[older])
        decision.new[rows] = new
        after = before.with_numbers(numbers[new])
        decision.numbers[instrument] = after
        if not batch.consecutive[batch.instrument[rows[0]]]:
            return
        decision.recorded.add(instrument)
        if not self._has_recorded(instrument, after):
            holes = self._recorded_holes(instrument, after.floor)
            decision.gaps.extend(_changes(batch, instrument, rows, holes, set(after.holes())))

    def _has_recorded(self, instrument: Instrument, after: Intervals) -> bool:
        """Whether the holes are those that the table of gaps has, without a look at each."""
        recorded = self._recorded.get(instrument)
        return recorded is not None and recorded.has_holes_of(after)

    def _recorded_holes(self, instrument: Instrument, floor: int) -> set[Hole]:
        """The holes that the table of gaps has; a process may have ended before it wrote them."""
        recorded = self._recorded.get(instrument)
        if recorded is not None:
            return set(recorded.holes())
        of = {"exchange": instrument.exchange, "symbol": instrument.symbol, "floor": floor}
        return {Hole(*row) for row in self._clickhouse.rows(_RECORDED, of)}

    def _intervals(self, instrument: Instrument) -> Intervals:
        if instrument not in self._numbers:
            self._numbers[instrument] = self._intervals_in_silver(instrument)
        return self._numbers[instrument]

    def _intervals_in_silver(self, instrument: Instrument) -> Intervals:
        of = msgspec.structs.asdict(instrument)
        newest = self._clickhouse.rows(_NEWEST, of)
        if not newest:
            return Intervals.none()
        floor = max(newest[0][0] - self._known, 0)
        found = columns_of(self._clickhouse.native(_SINCE, {**of, "floor": floor}))
        return Intervals.of(found["id"].values.astype(np.int64), floor)

    def _in_silver(self, instrument: Instrument, numbers: Numbers) -> Bits:
        of = msgspec.structs.asdict(instrument)
        found: set[int] = set()
        for part in _parts(numbers.tolist()):
            found.update(row[0] for row in self._clickhouse.rows(_FOUND, {**of, "ids": part}))
        return np.array([number in found for number in numbers.tolist()], np.bool_)

    def _decide_text(
        self, text: str, time: int, instrument: Instrument, row: int, decision: Decision
    ) -> None:
        if instrument not in decision.texts:
            known = self._known_texts(instrument)
            decision.texts[instrument] = Texts(dict(known.times), known.floor)
        texts = decision.texts[instrument]
        if text in texts.times or (time < texts.floor and self._has_text(instrument, text, time)):
            return
        texts.times[text] = time
        decision.new[row] = True

    def _known_texts(self, instrument: Instrument) -> Texts:
        if instrument not in self._texts:
            of = {**msgspec.structs.asdict(instrument), "limit": KNOWN_TEXTS}
            found = self._clickhouse.rows(_TEXTS, of)
            # Of the trades made at the oldest moment some may be beyond the limit.
            floor = found[-1][1] + 1 if len(found) == KNOWN_TEXTS else 0
            self._texts[instrument] = Texts(dict(found), floor)
        return self._texts[instrument]

    def _has_text(self, instrument: Instrument, text: str, time: int) -> bool:
        of = msgspec.structs.asdict(instrument)
        return bool(self._clickhouse.rows(_HAS_TEXT, {**of, "time": time, "id": text})[0][0])


def _first_of_each(numbers: Numbers) -> Bits:
    if (numbers[1:] > numbers[:-1]).all():
        return np.ones(len(numbers), np.bool_)
    first = np.zeros(len(numbers), np.bool_)
    first[np.unique(numbers, return_index=True)[1]] = True
    return first


def _parts(ids: Sequence[int]) -> Iterable[list[int]]:
    return (list(ids[at : at + _ASKED]) for at in range(0, len(ids), _ASKED))


def _changes(
    batch: Batch,
    instrument: Instrument,
    rows: npt.NDArray[np.int64],
    there: set[Hole],
    now: set[Hole],
) -> Iterable[NewGap]:
    """The holes that were filled or split, and those that were made."""
    for hole in sorted(there - now):
        yield NewGap(instrument, hole, is_open=False)
    behind = dict(zip(batch.numbers[rows].tolist(), rows.tolist(), strict=True))
    for hole in sorted(now - there):
        row = behind.get(hole.before)
        if row is None:
            yield NewGap(instrument, hole, is_open=True)
        else:
            connection = batch.connections[row].as_py()
            yield NewGap(instrument, hole, True, int(batch.times[row]), connection)
