"""Observing: events one by one and several in a call, learned as a pattern; safe to send again.

python examples/http/observing.py http://localhost:8000
"""

from __future__ import annotations

import sys
import uuid

import httpx


def main(url: str) -> None:
    with httpx.Client(base_url=url) as service:
        opened = service.post("/sessions", json={"node_id": "example observing"}).json()
        path = f"/sessions/{opened['session_id']}"

        observation = {"strings": ["kettle", "on"], "emotives": {"joy": 0.2}}
        service.post(f"{path}/observe", json=observation)

        # Sent again under the same key, it is answered again and not done twice.
        key = {"Idempotency-Key": str(uuid.uuid4())}
        more = {"observations": [{"strings": ["water", "boils"]}, {"strings": ["tea"]}]}
        for _ in range(2):
            answer = service.post(f"{path}/observe-sequence", json=more, headers=key).json()
            print("events now", answer["final_stm_length"])

        print(service.get(f"{path}/stm").json()["stm"])
        learned = service.post(f"{path}/learn").json()
        print(learned["pattern_name"])
        print("left", service.get(f"{path}/stm").json()["length"])
        service.delete(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
