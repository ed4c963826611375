"""The simulation finds defects: each of a list, within the schedules of the suite."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import chain

import pytest
from tests.simulation.mutations import MUTATIONS, RARE, Mutation
from tests.simulation.schedule import Plan, World
from tests.simulation.test_simulation import MANY, SCHEDULES


def assert_found(new_world: Callable[..., World], mutation: Mutation, schedules: int) -> None:
    with mutation.defect():
        world = new_world()
        numbers = chain(range(mutation.near, schedules), range(mutation.near))
        outcomes = (world.outcome(Plan.of(number)) for number in numbers)
        found = next((o.violation for o in outcomes if o.violation is not None), None)
    assert found is not None, "not found"
    assert re.search(mutation.complaint, found)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_defect_is_found(new_world: Callable[..., World], name: str) -> None:
    assert_found(new_world, MUTATIONS[name], SCHEDULES)


@pytest.mark.deep
@pytest.mark.parametrize("name", RARE)
def test_a_rare_defect_is_found(new_world: Callable[..., World], name: str) -> None:
    assert_found(new_world, RARE[name], MANY)


@pytest.mark.deep
def test_tables_that_know_their_last_token_only_are_found(
    new_world: Callable[..., World],
) -> None:
    """A writer may be late by as many batches as a table knows tokens, less one."""
    late = Mutation(nullcontext, "ids in (patterns|symbols|tombstones)")
    assert_found(partial(new_world, 1), late, MANY)


def test_a_failure_is_told_by_the_smallest_plan_that_fails(new_world: Callable[..., World]) -> None:
    mutation = MUTATIONS["tombstones are not carried"]
    with mutation.defect():
        world, plans = new_world(), map(Plan.of, range(mutation.near, SCHEDULES))
        plan = next(plan for plan in plans if world.outcome(plan).violation)
        smallest = world.smallest(plan)
        assert world.outcome(smallest.plan) == smallest
    kinds = [kind for calls in smallest.plan.clients for _, kind, _ in calls]
    assert len(kinds) <= 3
    assert "forget" in kinds
    assert all(any(kind in step for step in smallest.trace) for kind in kinds)
