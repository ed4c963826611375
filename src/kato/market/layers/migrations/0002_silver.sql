-- The distinct trades of all exchanges. Ingest lets each in once; a copy that came in otherwise is
-- taken away when parts are merged, and by FINAL. The number is the id where that is one, else -1.
CREATE TABLE IF NOT EXISTS silver_trades (
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    native LowCardinality(String),
    trade_id String CODEC(ZSTD(1)),
    number Int64 CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    price Decimal(38, 12) CODEC(ZSTD(1)),
    size Decimal(38, 12) CODEC(ZSTD(1)),
    quote Decimal(76, 24) CODEC(ZSTD(1)),
    side Enum8('BUY' = 1, 'SELL' = 2, 'SELL_SHORT' = 3, 'UNKNOWN' = 4),
    is_valid Bool,
    errors Array(String),
    vendor Map(String, String) CODEC(ZSTD(1)),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    ordinal UInt32,
    INDEX numbers number TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(time)
ORDER BY (exchange, symbol, time, trade_id)
SETTINGS non_replicated_deduplication_window = 10000;
CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_silver TO silver_trades AS
SELECT exchange, symbol, native, trade_id, number, sequence, time, price, size,
    toDecimal256(price, 12) * size AS quote,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    empty(errors) AS is_valid, errors, vendor, received, topic, partition, offset, ordinal
FROM market_landing WHERE is_new;
