"""The filters a session may name to narrow down what recall looks at."""

from kato.recall.filters.bloom import BloomFilter
from kato.recall.filters.jaccard import JaccardFilter
from kato.recall.filters.length import LengthFilter
from kato.recall.filters.minhash import MinHashFilter
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.pipeline import Filtered, Pipeline, StageReport, run_pipeline
from kato.recall.filters.rapidfuzz import RapidfuzzFilter

__all__ = [
    "BloomFilter",
    "Filtered",
    "JaccardFilter",
    "LengthFilter",
    "MinHashFilter",
    "PatternFilter",
    "Pipeline",
    "RapidfuzzFilter",
    "StageReport",
    "run_pipeline",
]
