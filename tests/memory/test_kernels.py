"""What is compiled beforehand is all that a usual prediction needs."""

from __future__ import annotations

import subprocess
import sys

# A process of its own: in this one, other tests have compiled.
PROGRAM = """
import gc, sys, tempfile
from numba.core.dispatcher import Dispatcher
import kato
from kato.memory.kernels import compile_kernels

def compiled():
    kernels = (found for found in gc.get_objects() if isinstance(found, Dispatcher))
    return {(kernel.py_func, *kernel.signatures) for kernel in kernels if kernel.signatures}

compile_kernels()
before = compiled()
assert len(before) > 10
with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
    kb = memory.knowledge_base("any")
    for length in (1, 3):
        kb.learn_many([["a"], *([f"b{i}"] for _ in range(length)), ["c", "d"]] for i in range(500))
        for events in ([["a"], ["c"]], [["a"]], [["a", "c"], ["nobody"]]):
            assert kb.predict(events)
            kb.predict(events, recall_threshold=0.6, affinity_emotive="joy")
            kb.predict(events, use_token_matching=False)
        memory.flush()
print(sorted(map(str, compiled() - before)))
"""


def test_a_first_prediction_compiles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
