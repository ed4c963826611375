"""Sessions: opened on a node, configured, found again, and ended.

python examples/http/sessions.py http://localhost:8000
"""

from __future__ import annotations

import sys

import httpx


def main(url: str) -> None:
    with httpx.Client(base_url=url) as service:
        wanted = {"node_id": "example sessions", "config": {"recall_threshold": 0.3}}
        session = service.post("/sessions", json=wanted).json()["session_id"]
        path = f"/sessions/{session}"

        service.post(f"{path}/config", json={"config": {"max_predictions": 10}})
        config = service.get(f"{path}/config").json()["config"]
        print("recall_threshold", config["recall_threshold"])
        print("max_predictions", config["max_predictions"])

        # It lives on for so many seconds after each use.
        service.post(f"{path}/extend", params={"ttl_seconds": 600})
        print("lives", service.get(f"{path}/state").json()["lifetime_seconds"], "s")

        refused = service.post(f"{path}/config", json={"config": {"max_predictions": 0}})
        print(refused.status_code, refused.json()["detail"]["validation_errors"])

        service.delete(path)
        print("exists", service.get(f"{path}/exists").json()["exists"])
        print(service.get(f"{path}/stm").status_code, "from now on")


if __name__ == "__main__":
    main(*sys.argv[1:])
