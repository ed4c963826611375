-- Which patterns share a band of their MinHash signatures: derived from `patterns`, and made only
-- where a session asks for `minhash`.

-- A band is cut to 32 bits: those that are equal by chance are told apart when the pattern is read,
-- and in this order they take little more than a byte. A row that is made twice is merged away.
CREATE TABLE IF NOT EXISTS minhash_bands
(
    kb UInt32 CODEC(ZSTD),
    rows UInt8 CODEC(ZSTD) COMMENT 'signature values a band',
    band UInt32 CODEC(Delta, ZSTD) COMMENT 'the low half of its hash',
    id UInt64 CODEC(T64, ZSTD),
    position UInt8 CODEC(T64, ZSTD) COMMENT 'of the band in the signature'
)
ENGINE = ReplacingMergeTree
ORDER BY (kb, rows, band, id, position)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS minhash_coverage
(
    kb UInt32,
    rows UInt8,
    bands UInt8 COMMENT 'of each pattern',
    until UInt64 COMMENT 'the bands of the patterns with ids up to this one are there'
)
ENGINE = ReplacingMergeTree(until)
ORDER BY (kb, rows, bands)
SETTINGS non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;
