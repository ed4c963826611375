"""Monitoring: whether the service lives, whether it can work, and how much it holds.

python examples/http/monitoring.py http://localhost:8000
"""

from __future__ import annotations

import sys

import httpx


def main(url: str) -> None:
    with httpx.Client(base_url=url) as service:
        print("lives:", service.get("/health").json()["processor_status"])

        # 503 as long as a store does not answer; the others are named all the same.
        ready = service.get("/ready")
        for store, state in ready.json()["stores"].items():
            print(store, "ready" if state["ready"] else state["reason"])

        stores = service.get("/stores").json()
        print("holds", sorted(stores))
        print("sessions:", service.get("/sessions/count").json()["active_session_count"])


if __name__ == "__main__":
    main(*sys.argv[1:])
