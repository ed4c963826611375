-- What ClickHouse's own Kafka engine read from a broker, where it is told to: see
-- kato.market.log.engine. The engine may insert a record again, so readers go by offsets.
CREATE TABLE IF NOT EXISTS market_received (
    source LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    key String CODEC(ZSTD(1)),
    value String CODEC(ZSTD(1)),
    header_names Array(LowCardinality(String)),
    header_values Array(String) CODEC(ZSTD(1)),
    arrived DateTime('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(arrived)
ORDER BY (source, topic, partition, offset);
-- Where each partition of a topic ends, for whoever asks without reading it.
CREATE TABLE IF NOT EXISTS market_received_stops (
    source LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    stop SimpleAggregateFunction(max, UInt64)
) ENGINE = AggregatingMergeTree
ORDER BY (source, topic, partition);
CREATE MATERIALIZED VIEW IF NOT EXISTS received_to_stops TO market_received_stops AS
SELECT source, topic, partition, max(offset) + 1 AS stop
FROM market_received GROUP BY source, topic, partition;
