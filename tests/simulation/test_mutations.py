"""The simulation finds defects: each of a list, within the schedules of the suite."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedule import Outcome, Plan, World
from tests.simulation.test_simulation import SCHEDULES


def first_failure(world: World) -> Outcome | None:
    """The outcome of the first schedule that fails."""
    outcomes = (world.outcome(Plan.of(number)) for number in range(SCHEDULES))
    return next((outcome for outcome in outcomes if outcome.violation is not None), None)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_defect_is_found(new_world: Callable[..., World], name: str) -> None:
    mutation = MUTATIONS[name]
    with mutation.defect():
        found = first_failure(new_world())
    assert found is not None, "not found"
    assert re.search(mutation.complaint, found.violation or "")
