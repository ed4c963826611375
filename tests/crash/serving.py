"""Visitors of a service that is killed and started again, who repeat what was not answered."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from tests.crash.process import kill_valkey
from tests.reference import ReferenceMemory
from tests.service.crowd import Steps, replayed
from tests.service.processes import Process

VISITORS = 3
NODE = "serving"
START_SECONDS = 300
"""How long a start may take: the first one after a change of the kernels compiles them."""


class Visits:
    """Sessions over HTTP while the service dies under them.

    Args:
        folder: Of the service's log.
        data: The data directory.
        seed: Decides what is observed.

    Attributes:
        steps: By session, what was acknowledged.
    """

    def __init__(self, folder: Path, data: Path, seed: int) -> None:
        self.steps: list[Steps] = []
        self._data, self._seed = data, seed
        self._stop = threading.Event()
        self._service = Process(folder, {"KATO_FLUSH_INTERVAL_MS": "20"}, data=data)

    def go_on(self, kills: Sequence[tuple[str, float]]) -> None:
        """Visit while the service is killed and started again; it is stopped at the end."""
        try:
            self._service.wait(START_SECONDS)
            self._go_on(kills)
        finally:
            self._service.kill()

    def _go_on(self, kills: Sequence[tuple[str, float]]) -> None:
        with ThreadPoolExecutor(VISITORS) as threads:
            visitors = [threads.submit(self._visit, number) for number in range(VISITORS)]
            try:
                for victim, seconds in kills:
                    time.sleep(seconds)
                    self._kill(victim)
                    self._service.start()
                    self._service.wait(START_SECONDS)
            finally:
                self._stop.set()
            self.steps = [visitor.result(timeout=START_SECONDS) for visitor in visitors]

    def replay(self, reference: ReferenceMemory, steps: Steps) -> None:
        """Bring a reference behind the steps of a session."""
        replayed(reference, steps)

    def _kill(self, victim: str) -> None:
        if victim == "both":
            kill_valkey(self._data)
        self._service.kill()

    def _visit(self, number: int) -> Steps:
        chance, steps = random.Random(f"{self._seed} {number}"), list[list[str] | None]()
        with httpx.Client(base_url=self._service.url, timeout=10) as client:

            def ask(path: str, body: object) -> dict[str, object]:
                key = f"{self._seed} {number} {len(steps)}"
                return asked(client, path, body, key)

            path = f"/sessions/{ask('/sessions', {'node_id': NODE})['session_id']}"
            while not self._stop.is_set():
                steps.append([f"s{chance.randrange(9)}" for _ in range(chance.randint(1, 2))])
                observed = ask(f"{path}/observe", {"strings": steps[-1]})
                assert observed["time"] == sum(step is not None for step in steps)
                if chance.random() < 0.3:
                    steps.append(None)
                    ask(f"{path}/learn", {})
            held = client.get(f"{path}/stm").raise_for_status().json()["stm"]
            assert held == replayed(ReferenceMemory(), steps).stm
        return steps


def asked(client: httpx.Client, path: str, body: object, key: str) -> dict[str, object]:
    """Ask until there is an answer, under one key."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            answer = client.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            if answer.status_code != 503:
                told: dict[str, object] = answer.raise_for_status().json()
                return told
            time.sleep(0.05)
        assert time.monotonic() < until, "the service did not come back"
