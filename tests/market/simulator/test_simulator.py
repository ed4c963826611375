"""What a simulated exchange does is what its truth says, and the same for the same seed."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from tests.market.feeds.connecting import connected
from tests.market.feeds.test_connection import asynchronous

from kato.errors import InvalidInput, ServiceUnavailable
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.simulator import Faults, Made, Simulator
from kato.market.simulator.simulator import BEAT_SECONDS

names = pytest.mark.parametrize("name", sorted(PROTOCOLS))
SOME = Faults(lost=0.1, late=0.1, again=0.1, invalid=0.1, malformed=0.1, unknown=0.1, garbage=0.1)


class FixedClock:
    """A clock that only goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * 10**9

    def time_ns(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1e9

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)
        await asyncio.sleep(0)


def trades(seed: int, name: str) -> list[Made]:
    simulator = Simulator(seed, SOME, protocols=[name], clock=FixedClock())
    for _ in range(200):
        simulator.venues[name].step(2)
    return simulator.venues[name].truth.made


@names
def test_the_same_seed_makes_the_same_trades(name: str) -> None:
    assert trades(1, name) == trades(1, name)
    assert trades(1, name) != trades(2, name)


@names
def test_trades_of_a_symbol_are_numbered_one_by_one(name: str) -> None:
    numbers: dict[str, list[int]] = {}
    for made in trades(3, name):
        numbers.setdefault(made.symbol, []).append(made.number)
    assert len(numbers) > 5
    for symbol, seen in numbers.items():
        assert seen == list(range(1, len(seen) + 1)), symbol


def test_some_trades_are_invalid_if_it_is_asked_for() -> None:
    told = trades(1, "binance")
    odd = [made for made in told if made.price == 0 or made.size % Decimal("1e-12")]
    assert 10 < len(odd) < 80


@asynchronous
async def test_who_listens_does_not_change_what_happens() -> None:
    made = []
    for listens in (False, True):
        clock = FixedClock()
        async with Simulator(5, SOME, protocols=["coinbase"], clock=clock) as simulator:
            venue = simulator.venues["coinbase"]
            if listens:
                async with connected("coinbase", simulator) as fed:
                    await fed.until_live()
                    for _ in range(50):
                        venue.step(2)
            else:
                for _ in range(50):
                    venue.step(2)
        made.append(venue.truth.made)
    assert made[0] == made[1]


@asynchronous
async def test_told_is_what_somebody_subscribed_to() -> None:
    told: list[Made] = []
    async with Simulator(1, protocols=["kraken"], told=told.append) as simulator:
        venue = simulator.venues["kraken"]
        venue.step(10)
        assert not venue.truth.told()
        async with connected("kraken", simulator, symbols=["BTC/USD"]) as fed:
            await fed.until_live()
            await fed.until_heard()
            venue.step(20)
            await fed.until_heard()
            assert fed.counts.trades == len(told)
    assert {made.symbol for made in told} == {"BTC/USD"}
    assert told == venue.truth.told()
    assert len(told) == sum(made.symbol == "BTC/USD" for made in venue.truth.made)


@asynchronous
async def test_it_trades_at_its_rate_and_beats() -> None:
    clock = FixedClock()
    async with (
        Simulator(1, protocols=["kraken"], clock=clock) as simulator,
        connected("kraken", simulator) as fed,
    ):
        await fed.until_live()
        task, began = asyncio.ensure_future(simulator.run(1.0)), clock.now
        await fed.until(lambda: len(fed.venue.truth.made) >= 30)
        task.cancel()
        seconds = (clock.now - began) / 1e9

        assert len(fed.venue.truth.made) == pytest.approx(seconds, abs=2)
        await fed.until_heard()
        assert fed.counts.heartbeats == pytest.approx(seconds / BEAT_SECONDS, abs=2)


@pytest.mark.parametrize("chance", [-0.1, 1.1])
def test_a_chance_is_between_none_and_always(chance: float) -> None:
    with pytest.raises(InvalidInput, match="garbage must be between 0 and 1"):
        Faults(garbage=chance)


def test_a_bad_day_has_something_of_everything() -> None:
    assert all(msgspec.structs.asdict(Faults.mild()).values())


@asynchronous
async def test_a_port_that_is_taken() -> None:
    async with Simulator(1, protocols=["binance"]) as simulator:
        with pytest.raises(ServiceUnavailable, match=f"cannot listen on port {simulator.port}"):
            async with Simulator(1, protocols=["binance"], port=simulator.port):
                pass


@asynchronous
async def test_several_trades_and_symbols_come_in_a_message() -> None:
    async with (
        Simulator(1, protocols=["coinbase"]) as simulator,
        connected("coinbase", simulator) as fed,
    ):
        await fed.until_live()
        fed.venue.step(200)
        await fed.until_heard()
        assert fed.counts.trades == 200
        assert fed.counts.messages < 120
        assert fed.counts.records > fed.counts.messages
        assert len(Counter(made.symbol for made in fed.venue.truth.made)) > 5
