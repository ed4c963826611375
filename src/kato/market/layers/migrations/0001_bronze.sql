-- What a batch of ingest looks like. It is inserted here, in one block under one token, and views
-- carry it on; nothing is kept. A row is a trade, or a record that cannot be read, with the reason.
CREATE TABLE IF NOT EXISTS market_landing (
    exchange LowCardinality(String),
    native LowCardinality(String),
    symbol LowCardinality(String),
    trade_id String,
    number Int64,
    sequence UInt64,
    time DateTime64(9, 'UTC'),
    price_text String,
    size_text String,
    price Decimal(38, 12),
    size Decimal(38, 12),
    side Int8,
    errors Array(String),
    vendor Map(String, String),
    received DateTime64(9, 'UTC'),
    connection LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    ordinal UInt32,
    payload String,
    is_trade UInt8,
    is_new UInt8,
    unreadable String
) ENGINE = Null;
-- What exchanges said, trade by trade, as often as they said it. A partition is a day on which it
-- was received: what is replayed from long ago is as fresh as everything else.
-- for each exchange
CREATE TABLE IF NOT EXISTS bronze_<exchange> (
    native LowCardinality(String),
    trade_id String CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    price String CODEC(ZSTD(1)),
    size String CODEC(ZSTD(1)),
    side Enum8('BUY' = 1, 'SELL' = 2, 'SELL_SHORT' = 3, 'UNKNOWN' = 4),
    payload String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    ordinal UInt32,
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    connection LowCardinality(String)
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS non_replicated_deduplication_window = 10000;
-- for each exchange
CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_bronze_<exchange> TO bronze_<exchange> AS
SELECT native, trade_id, sequence, time, price_text AS price, size_text AS size,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    payload, topic, partition, offset, ordinal, received, connection
FROM market_landing WHERE exchange = '<exchange>' AND is_trade;
-- Records that are no trades anybody can use: what cannot be read, and trades of symbols that no
-- instrument is known for (bronze has those too, for a backfill when there is one).
CREATE TABLE IF NOT EXISTS market_unreadable (
    exchange LowCardinality(String),
    native LowCardinality(String),
    reason String,
    payload String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    ordinal UInt32,
    received DateTime64(9, 'UTC'),
    connection LowCardinality(String)
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS non_replicated_deduplication_window = 10000;
CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_unreadable TO market_unreadable AS
SELECT exchange, native, unreadable AS reason, payload, topic, partition, offset, ordinal,
    received, connection
FROM market_landing WHERE unreadable != '';
