"""What runs at the same time in KATO, in a thousand orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.simulation.schedule import Plan, World

SCHEDULES = 1000
MANY = 20_000
PARTS = 4


def check(world: World, numbers: range) -> None:
    for number in numbers:
        plan = Plan.of(number)
        if world.outcome(plan).violation is not None:
            pytest.fail(f"schedule {number}: {world.smallest(plan)}")


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_doubled_or_stale(new_world: Callable[[], World], part: int) -> None:
    check(new_world(), range(part, SCHEDULES, PARTS))


@pytest.mark.deep
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_doubled_or_stale_for_long(
    new_world: Callable[[], World], part: int
) -> None:
    check(new_world(), range(SCHEDULES + part, MANY, PARTS))


def test_a_schedule_is_reproducible(new_world: Callable[[], World]) -> None:
    world = new_world()
    for number in range(20):
        one, other = world.outcome(Plan.of(number)), world.outcome(Plan.of(number))
        assert one.trace == other.trace
