"""Limits of requests: of a key, of everyone, of an address; and waiting as told is enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.service.serving import serving
from tests.storage.stores import Backend
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import kato
from kato.service.keys import Key, hash_of, toml_line
from kato.service.limits import MOST_BUCKETS, Limits

Statuses = Callable[[], list[int]]


@pytest.fixture
def settings(backend: Backend, tmp_path: Path) -> Callable[..., kato.Settings]:
    def settings(everyone: int = 0, **keys: float | None) -> kato.Settings:
        changes: dict[str, Any] = {"requests_per_second": everyone}
        if keys:
            path = tmp_path / "keys.toml"
            made = {n: Key(name=n, requests_per_second=rate) for n, rate in keys.items()}
            path.write_text("\n".join(toml_line(hash_of(n), key) for n, key in made.items()))
            changes["api_keys_file"] = path
        return msgspec.structs.replace(backend.settings, **changes)

    return settings


def asked(url: str, times: int, key: str = "", path: str = "/concurrency") -> list[int]:
    with httpx.Client(base_url=url, headers={"X-API-Key": key}) as client:
        return [client.get(path).status_code for _ in range(times)]


def test_more_than_the_limit_is_refused_and_told_when_to_go_on(
    settings: Any, memory: kato.Memory
) -> None:
    with serving(settings(2), memory) as url, httpx.Client(base_url=url) as client:
        answers = [client.get("/concurrency") for _ in range(10)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert [answer.status_code for answer in answers[:2]] == [200, 200]
        assert len(refused) >= 5
        assert refused[0].headers["Retry-After"] == "1"
        assert refused[0].headers["X-Trace-ID"]
        assert "2 requests a second" in refused[0].json()["detail"]
        time.sleep(float(refused[-1].headers["Retry-After"]))
        assert client.get("/concurrency").status_code == 200


def test_no_limit_by_default(settings: Any, memory: kato.Memory) -> None:
    with serving(settings(), memory) as url:
        assert asked(url, 100) == [200] * 100


@pytest.mark.parametrize("path", ["/", "/health", "/openapi.json"])
def test_what_is_open_is_not_limited(settings: Any, memory: kato.Memory, path: str) -> None:
    with serving(settings(1), memory) as url:
        assert asked(url, 20, path=path) == [200] * 20
        assert asked(url, 1) == [200]


def test_each_key_has_its_own_limit(settings: Any, memory: kato.Memory) -> None:
    with serving(settings(3, slow=1, usual=None, free=0), memory) as url:
        assert asked(url, 30, "free") == [200] * 30
        slow, usual = asked(url, 10, "slow"), asked(url, 10, "usual")
        assert (slow[0], slow.count(200) < 4, 429 in slow) == (200, True, True)
        assert usual[:3] == [200] * 3
        assert usual.count(429) >= 4


def test_who_guesses_keys_is_limited_by_address(settings: Any, memory: kato.Memory) -> None:
    with serving(settings(2, ann=0), memory) as url:
        guessed = [asked(url, 1, f"guess {i}")[0] for i in range(8)]
        assert set(guessed) == {401, 429}
        assert asked(url, 10, "ann") == [200] * 10


def test_web_sockets_count(settings: Any, memory: kato.Memory) -> None:
    with serving(settings(1), memory) as url:
        socket = url.replace("http", "ws") + "/ws/events"
        with connect(socket), pytest.raises(InvalidStatus) as refused:
            connect(socket)
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "1"


@given(
    rate=st.floats(0.1, 1000),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=200),
)
def test_never_more_than_the_rate_and_one_burst(rate: float, pauses: list[float]) -> None:
    now = 0.0
    limits = Limits(clock=lambda: now)
    taken = []
    for pause in pauses:
        now += pause
        if not limits.take("ann", rate):
            taken.append(now)
    for first, since in enumerate(taken):
        for last in range(first, len(taken)):
            most = max(1.0, rate) + rate * (taken[last] - since)
            assert last - first + 1 <= most * (1 + 1e-9) + 1e-6


@given(rate=st.floats(0.1, 1000), burst=st.integers(0, 50))
def test_waiting_as_told_is_enough(rate: float, burst: int) -> None:
    now = 0.0
    limits = Limits(clock=lambda: now)
    for _ in range(burst):
        limits.take("ann", rate)
    if wait := limits.take("ann", rate):
        now += wait + 1e-6
        assert limits.take("ann", rate) == 0
    assert limits.take("bob", rate) == 0


def test_memory_is_bounded_however_many_come() -> None:
    limits = Limits(clock=lambda: 0.0)
    for i in range(MOST_BUCKETS + 100):
        assert limits.take(f"address {i}", 1.0) == 0
    assert len(limits._buckets) == MOST_BUCKETS
