-- How far the journal is carried: the last sequence of the newest batch, which says so before anything
-- else of it is inserted. A ledger that ends before it has lost what it answered.
CREATE TABLE IF NOT EXISTS carried
(
    one UInt8 DEFAULT 0,
    sequence UInt64
)
ENGINE = ReplacingMergeTree(sequence)
ORDER BY one
SETTINGS non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;
