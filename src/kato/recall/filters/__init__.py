"""The filters a session may name to narrow down what recall looks at."""

from kato.recall.filters.bloom import BloomFilter
from kato.recall.filters.executor import Executor
from kato.recall.filters.jaccard import JaccardFilter
from kato.recall.filters.length import LengthFilter
from kato.recall.filters.minhash import MinHashFilter
from kato.recall.filters.pattern_filter import PatternFilter, SqlFilter
from kato.recall.filters.pipeline import Filtered, Pipeline, run_pipeline
from kato.recall.filters.rapidfuzz import RapidfuzzFilter
from kato.recall.filters.registered import FILTERS, filter_of
from kato.recall.query import StageReport

__all__ = [
    "FILTERS",
    "BloomFilter",
    "Executor",
    "Filtered",
    "JaccardFilter",
    "LengthFilter",
    "MinHashFilter",
    "PatternFilter",
    "Pipeline",
    "RapidfuzzFilter",
    "SqlFilter",
    "StageReport",
    "filter_of",
    "run_pipeline",
]
