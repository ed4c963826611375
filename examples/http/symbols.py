"""Symbols: how often each was learned, and what was felt with it.

python examples/http/symbols.py http://localhost:8000
"""

from __future__ import annotations

import sys
from urllib.parse import quote

import httpx

NODE = {"node_id": "example symbols"}


def main(url: str) -> None:
    with httpx.Client(base_url=url) as service:
        node = f"/nodes/{quote(NODE['node_id'], safe='')}"
        service.post(f"{node}/clear")
        sequences = [
            {"events": [["sun"], ["sea / shore"]], "emotives": {"joy": 0.9}},
            {"events": [["sun"], ["sunburn"]], "emotives": {"joy": -0.4}},
        ]
        service.post(f"{node}/learn", json={"sequences": sequences})

        symbols = service.get("/symbols/stats", params=NODE).json()["symbols"]
        for symbol, counts in sorted(symbols.items()):
            print(symbol, counts["frequency"], "in", counts["pattern_member_frequency"])

        for symbol in ("sun", "sea / shore"):  # any text, percent-encoded
            path = f"/symbols/{quote(symbol, safe='')}/affinity"
            print(symbol, service.get(path, params=NODE).json()["affinity"])


if __name__ == "__main__":
    main(*sys.argv[1:])
