"""Which patterns and knowledge bases there are: what a derived index is kept up with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import columns_of
from kato.storage.clickhouse.patterns import NOT_FORGOTTEN

IntArray = npt.NDArray[np.int64]

_PRESENT = (
    "SELECT id FROM patterns WHERE kb = {kb:UInt32} "  # noqa: S608 - no value is written into it
    f"AND id <= {{last:UInt64}} AND {NOT_FORGOTTEN}"
)
_FORGOTTEN = "SELECT id FROM tombstones FINAL WHERE kb = {kb:UInt32} AND NOT taken_back"
_CLEARED = "SELECT kb FROM knowledge_bases FINAL WHERE cleared AND kb IN {kbs:Array(UInt32)}"


class PatternIds:
    """Reads ids of patterns."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def present(self, kb: int, last: int) -> IntArray:
        """The patterns with an id up to ``last`` that are not forgotten, in no order."""
        return self._ids(_PRESENT, {"kb": kb, "last": last})

    def forgotten(self, kb: int) -> IntArray:
        """The forgotten patterns whose rows may still be there."""
        return self._ids(_FORGOTTEN, {"kb": kb})

    def cleared(self, kbs: Sequence[int]) -> set[int]:
        """Those of the knowledge bases that were given up."""
        rows = self._clickhouse.rows(_CLEARED, {"kbs": list(kbs)})
        return {kb for (kb,) in rows}

    def _ids(self, statement: str, parameters: dict[str, int]) -> IntArray:
        columns = columns_of(self._clickhouse.native(statement, parameters))
        return columns["id"].values.astype(np.int64) if columns else np.zeros(0, np.int64)
