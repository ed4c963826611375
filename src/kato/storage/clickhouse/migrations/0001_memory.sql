-- What was learned, and all that is needed to rebuild the ledger from it.
-- A knowledge base's number `kb` comes first in every key; no partition per knowledge base: ten
-- thousand of them must work. Tables that hold states keep the newest by version, the journal's
-- sequence. Every table remembers the tokens of its last batches, so that a batch that is sent twice
-- is stored once.

-- Scanned whole by recall: LZ4 and large granules are read a third faster than ZSTD and small ones,
-- for a quarter more on disk.
CREATE TABLE IF NOT EXISTS patterns
(
    kb UInt32 CODEC(ZSTD),
    id UInt64 CODEC(Delta, LZ4),
    name FixedString(20) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt32) CODEC(LZ4) COMMENT 'symbols up to each event''s end; empty: one symbol an event'
)
ENGINE = MergeTree
ORDER BY (kb, id)
SETTINGS index_granularity = 8192, min_bytes_for_wide_part = 1048576,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS symbols
(
    kb UInt32 CODEC(ZSTD),
    id UInt32 CODEC(Delta, ZSTD),
    text String CODEC(ZSTD)
)
ENGINE = MergeTree
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS frequencies
(
    kb UInt32,
    id UInt64,
    version UInt64,
    frequency UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'A pattern without a row here was learned once';

CREATE TABLE IF NOT EXISTS states
(
    kb UInt32,
    id UInt64,
    version UInt64,
    emotives Array(Map(String, Float64)),
    metadata Map(String, Array(String)),
    felt Map(String, Float64) COMMENT 'the pattern''s share of its symbols'' affinity sums'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'A pattern without a row here has neither emotives nor metadata';

CREATE TABLE IF NOT EXISTS affinities
(
    kb UInt32,
    symbol UInt32,
    version UInt64,
    sums Map(String, Float64)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kb, symbol)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS tombstones
(
    kb UInt32,
    id UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Patterns that are forgotten; each hides one until its row is deleted';

CREATE TABLE IF NOT EXISTS vectors
(
    kb UInt32,
    dimension UInt32,
    name String,
    version UInt64,
    value Array(Float64)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kb, dimension, name)
SETTINGS index_granularity = 128, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS knowledge_bases
(
    kb UInt32,
    version UInt64,
    name String,
    cleared UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY kb
SETTINGS non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS store
(
    id String COMMENT 'the same in the ledger: the two belong together'
)
ENGINE = MergeTree
ORDER BY id;
