"""Patterns: learned without a session, listed, searched, counted, edited and forgotten.

python examples/http/patterns.py http://localhost:8000
"""

from __future__ import annotations

import sys
from urllib.parse import quote

import httpx

NODE = f"/nodes/{quote('example patterns', safe='')}"


def main(url: str) -> None:
    with httpx.Client(base_url=url) as service:
        service.post(f"{NODE}/clear")
        sequences = [
            {"events": [["red"], ["green"]], "metadata": {"source": "lamp"}},
            {"events": [["red"], ["amber"], ["green"]], "metadata": {"source": "road"}},
            {"events": [["alone"]]},
            {"events": "no list"},
        ]
        learned = service.post(f"{NODE}/learn", json={"sequences": sequences}).json()["results"]
        print([each["status"] for each in learned])

        with_red = service.get(f"{NODE}/patterns", params={"symbol": "red"}).json()["patterns"]
        print([pattern["events"] for pattern in with_red])
        of_roads = {"metadata_key": "source", "metadata_value": "road"}
        print("of roads:", service.get(f"{NODE}/patterns/count", params=of_roads).json()["count"])

        path = f"{NODE}/patterns/{with_red[0]['name']}"
        edited = service.patch(path, json={"frequency": 5}).json()
        print("learned", edited["frequency"], "times now")

        service.delete(path)
        print(service.get(path).status_code, "as it is forgotten")


if __name__ == "__main__":
    main(*sys.argv[1:])
