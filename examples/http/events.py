"""Events: what happens in the service, by WebSocket, from every worker.

python examples/http/events.py http://localhost:8000
"""

from __future__ import annotations

import json
import sys

import httpx
from websockets.sync.client import connect

KINDS = ["session.created", "pattern.learned", "session.destroyed"]


def main(url: str) -> None:
    address = url.replace("http", "ws", 1) + "/ws/events"
    with httpx.Client(base_url=url) as service, connect(address, proxy=None) as events:
        print(json.loads(events.recv(timeout=10))["event_type"])
        events.send(json.dumps({"subscribe": KINDS}))
        print(json.loads(events.recv(timeout=10))["data"])

        opened = service.post("/sessions", json={"node_id": "example events"}).json()
        path = f"/sessions/{opened['session_id']}"
        for symbol in ("a", "b"):
            service.post(f"{path}/observe", json={"strings": [symbol]})
        service.post(f"{path}/learn")
        service.delete(path)

        heard: list[str] = []
        while len(heard) < len(KINDS):
            event = json.loads(events.recv(timeout=10))
            # Others use the service too.
            if opened["session_id"] in str(event) or "example events" in str(event):
                heard.append(event["event_type"])
        print(sorted(heard))


if __name__ == "__main__":
    main(*sys.argv[1:])
