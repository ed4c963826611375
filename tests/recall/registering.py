"""Predicts with a filter that another package registers: run it in a process of its own."""

from __future__ import annotations

import json
import sys

import kato


def main(folder: str, pipeline: str) -> None:
    """Write what is recalled from three memories; ``?`` is no symbol of a pattern."""
    with kato.open(folder) as memory:
        kb = memory.knowledge_base()
        kb.learn_many([[s] for s in text] for text in ("abc", "abd", "ace", "bcf"))
        memory.flush()
        kb.learn_many([[s] for s in text] for text in ("bag", "bac"))
        answers = [_recalled(kb, observed, pipeline) for observed in ("bc", "b?", "?b")]
        sys.stdout.write(json.dumps(answers))


def _recalled(kb: kato.KnowledgeBase, observed: str, pipeline: str) -> list[str]:
    answer = kb.predict([[symbol] for symbol in observed], filter_pipeline=pipeline.split(","))
    return sorted("".join(*zip(*kb.get(each.name).events, strict=True)) for each in answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
