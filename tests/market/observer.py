"""A bridge to be killed: ``python -m tests.market.observer FOLDER COUNT``."""

from __future__ import annotations

import sys

from tests.market.cases import fitted, items

import kato
from kato.market.observing import Bridge, session_for
from kato.market.streams import History


def main(folder: str, count: int) -> None:
    """Observe candle by candle."""
    made = items(count)
    stream = History("test T/T 1m", made)
    with kato.open(folder) as memory:
        session = session_for(memory.knowledge_base("observed"), stream, events=3)
        bridge = Bridge(session, fitted(made), stream)
        bridge.step(3)
        sys.stdout.write("observing\n")
        sys.stdout.flush()
        while True:
            bridge.step(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
