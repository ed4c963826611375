"""Reads what a service measures, as Prometheus does."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

TEXT = {"Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}


def value(client: httpx.Client, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    answer = client.get("/metrics", headers=TEXT)
    assert answer.status_code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold in that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
