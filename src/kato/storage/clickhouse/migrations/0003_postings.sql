-- The patterns once more, under each of their symbols, for recall in large knowledge bases. Derived
-- from `patterns`, ids by ids; `posting_coverage` says how far. A pattern's row says enough to be
-- aligned, as to look a pattern up by its id costs more than to read a hundred in a row.

CREATE TABLE IF NOT EXISTS postings
(
    kb UInt32 CODEC(ZSTD),
    symbol UInt32 CODEC(Delta, ZSTD),
    shape UInt8 CODEC(T64, ZSTD) COMMENT 'symbols of the pattern, at most 127; plus 128 unless each event has one',
    id UInt64 CODEC(Delta, ZSTD),
    frequent UInt64 CODEC(LZ4) COMMENT 'a bit for each of the pattern''s symbols up to 64',
    others UInt64 CODEC(LZ4) COMMENT 'hashed bits of its other symbols',
    symbols Array(UInt32) CODEC(LZ4) COMMENT 'empty where there are more than 64',
    event_ends Array(UInt32) CODEC(LZ4)
)
ENGINE = MergeTree
ORDER BY (kb, symbol, shape, id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS posting_coverage
(
    kb UInt32,
    until UInt64 COMMENT 'the greatest id up to which the postings hold every pattern'
)
ENGINE = ReplacingMergeTree(until)
ORDER BY kb
SETTINGS non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;
