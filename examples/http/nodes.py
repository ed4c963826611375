"""Nodes: knowledge bases by name, used without a session, and forgotten as a whole.

python examples/http/nodes.py http://localhost:8000
"""

from __future__ import annotations

import sys
from urllib.parse import quote

import httpx

NAME = "example nodes / ☃"


def main(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as service:
        node = f"/nodes/{quote(NAME, safe='')}"
        sequences = [{"events": [["a"], ["b"], ["c"]]}, {"events": [["a"], ["b"], ["d"]]}]
        service.post(f"{node}/learn", json={"sequences": sequences})

        names = [each["node_id"] for each in service.get("/nodes").json()["nodes"]]
        print("listed", NAME in names)
        held = service.get(node).json()
        print(held["patterns"], "patterns of", held["symbols"], "symbols")

        question = {"events": [["a"], ["b"]], "config": {"max_predictions": 5}}
        found = service.post(f"{node}/predictions", json=question).json()
        print(sorted(each["future"] for each in found["predictions"]))

        service.put(f"{node}/settings", json={"disposable": True})
        service.delete(node)
        print(service.get(node).status_code, "from now on")


if __name__ == "__main__":
    main(*sys.argv[1:])
