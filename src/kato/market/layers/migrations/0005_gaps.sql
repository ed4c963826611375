-- Ids that an exchange must have given to trades nobody has seen, between two that were seen. The
-- newest version counts; nothing is missing any more where it says 0. Beside these (kind "missing",
-- noted in 1970) stands what feeds noted, each as often as it was.
CREATE TABLE IF NOT EXISTS market_gaps (
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    kind LowCardinality(String),
    after UInt64,
    before UInt64,
    noted DateTime64(9, 'UTC'),
    missing UInt64,
    time DateTime64(9, 'UTC'),
    connection String,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
ORDER BY (exchange, symbol, kind, after, before, noted);
-- From which day on a layer is whole: what was older may have been taken away.
CREATE TABLE IF NOT EXISTS market_floors (
    name LowCardinality(String),
    day Date
) ENGINE = ReplacingMergeTree(day)
ORDER BY name;
