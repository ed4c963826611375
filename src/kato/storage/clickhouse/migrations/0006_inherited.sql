-- What symbols' affinity sums hold beside their patterns' shares: what came with a move from another
-- installation, where it is known of symbols only.
CREATE TABLE IF NOT EXISTS inherited
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
