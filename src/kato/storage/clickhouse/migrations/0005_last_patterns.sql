-- The greatest pattern id that a knowledge base gave before its row was deleted: ids are never used
-- again, not even after the ledger was rebuilt from what is here.

CREATE TABLE IF NOT EXISTS last_patterns
(
    kb UInt32,
    id UInt64
)
ENGINE = ReplacingMergeTree(id)
ORDER BY kb
SETTINGS non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;
