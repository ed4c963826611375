"""Predicting: what comes next, with another configuration for one call, and why.

python examples/http/predicting.py http://localhost:8000
"""

from __future__ import annotations

import sys

import httpx

MORNINGS = [["wake", "coffee", "train", "work"], ["wake", "tea", "bicycle", "work"]]


def main(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as service:
        opened = service.post("/sessions", json={"node_id": "example predicting"}).json()
        path = f"/sessions/{opened['session_id']}"
        service.post(f"{path}/clear-all")
        for morning in MORNINGS:
            events = [{"strings": [symbol]} for symbol in morning]
            service.post(
                f"{path}/observe-sequence", json={"observations": events, "learn_at_end": True}
            )

        for symbol in ("wake", "tea"):
            service.post(f"{path}/observe", json={"strings": [symbol]})
        for prediction in service.get(f"{path}/predictions").json()["predictions"]:
            print(f"{prediction['similarity']:.2f}", prediction["future"])

        # The same memory, asked otherwise once.
        strict = {"config": {"recall_threshold": 0.6}, "explain": True}
        answer = service.post(f"{path}/predictions", json=strict).json()
        print("at 0.6:", answer["count"], "of", len(MORNINGS))

        verdict = service.post(
            f"{path}/explanation", json={"pattern": answer["predictions"][0]["name"]}
        ).json()["verdict"]
        print(verdict["reason"], "in place", verdict["place"])
        service.delete(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
