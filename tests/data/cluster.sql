CREATE TABLE IF NOT EXISTS migrations_local ON CLUSTER 'main'
(number UInt32, name String, applied DateTime DEFAULT now())
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY number;

CREATE TABLE IF NOT EXISTS migrations ON CLUSTER 'main' AS migrations_local
ENGINE = Distributed('main', currentDatabase(), 'migrations_local', cityHash64(number));

CREATE TABLE IF NOT EXISTS patterns_local ON CLUSTER 'main'
(
    kb UInt32 CODEC(ZSTD),
    id UInt64 CODEC(Delta, LZ4),
    name FixedString(20) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt32) CODEC(LZ4) COMMENT 'symbols up to each event''s end; empty: one symbol an event'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kb, id)
SETTINGS index_granularity = 8192, min_bytes_for_wide_part = 1048576,
    replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS patterns ON CLUSTER 'main' AS patterns_local
ENGINE = Distributed('main', currentDatabase(), 'patterns_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS symbols_local ON CLUSTER 'main'
(
    kb UInt32 CODEC(ZSTD),
    id UInt32 CODEC(Delta, ZSTD),
    text String CODEC(ZSTD)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS symbols ON CLUSTER 'main' AS symbols_local
ENGINE = Distributed('main', currentDatabase(), 'symbols_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS frequencies_local ON CLUSTER 'main'
(
    kb UInt32,
    id UInt64,
    version UInt64,
    frequency UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'A pattern without a row here was learned once';

CREATE TABLE IF NOT EXISTS frequencies ON CLUSTER 'main' AS frequencies_local
ENGINE = Distributed('main', currentDatabase(), 'frequencies_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS states_local ON CLUSTER 'main'
(
    kb UInt32,
    id UInt64,
    version UInt64,
    emotives Array(Map(String, Float64)),
    metadata Map(String, Array(String)),
    felt Map(String, Float64) COMMENT 'the pattern''s share of its symbols'' affinity sums'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'A pattern without a row here has neither emotives nor metadata';

CREATE TABLE IF NOT EXISTS states ON CLUSTER 'main' AS states_local
ENGINE = Distributed('main', currentDatabase(), 'states_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS affinities_local ON CLUSTER 'main'
(
    kb UInt32,
    symbol UInt32,
    version UInt64,
    sums Map(String, Float64)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, symbol)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS affinities ON CLUSTER 'main' AS affinities_local
ENGINE = Distributed('main', currentDatabase(), 'affinities_local', cityHash64(kb, symbol));

CREATE TABLE IF NOT EXISTS tombstones_local ON CLUSTER 'main'
(
    kb UInt32,
    id UInt64,
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Patterns that are forgotten; each hides one until its row is deleted';

CREATE TABLE IF NOT EXISTS tombstones ON CLUSTER 'main' AS tombstones_local
ENGINE = Distributed('main', currentDatabase(), 'tombstones_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS vectors_local ON CLUSTER 'main'
(
    kb UInt32,
    dimension UInt32,
    name String,
    version UInt64,
    value Array(Float64)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, dimension, name)
SETTINGS index_granularity = 128, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS vectors ON CLUSTER 'main' AS vectors_local
ENGINE = Distributed('main', currentDatabase(), 'vectors_local', cityHash64(kb, name));

CREATE TABLE IF NOT EXISTS knowledge_bases_local ON CLUSTER 'main'
(
    kb UInt32,
    version UInt64,
    name String,
    cleared UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY kb
SETTINGS replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS knowledge_bases ON CLUSTER 'main' AS knowledge_bases_local
ENGINE = Distributed('main', currentDatabase(), 'knowledge_bases_local', cityHash64(kb));

CREATE TABLE IF NOT EXISTS store_local ON CLUSTER 'main'
(
    id String COMMENT 'the same in the ledger: the two belong together'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY id;

CREATE TABLE IF NOT EXISTS store ON CLUSTER 'main' AS store_local
ENGINE = Distributed('main', currentDatabase(), 'store_local', cityHash64(id));

INSERT INTO migrations (number, name) VALUES (1, 'memory');

CREATE TABLE IF NOT EXISTS minhash_bands_local ON CLUSTER 'main'
(
    kb UInt32 CODEC(ZSTD),
    rows UInt8 CODEC(ZSTD) COMMENT 'signature values a band',
    band UInt32 CODEC(Delta, ZSTD) COMMENT 'the low half of its hash',
    id UInt64 CODEC(T64, ZSTD),
    position UInt8 CODEC(T64, ZSTD) COMMENT 'of the band in the signature'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kb, rows, band, id, position)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS minhash_bands ON CLUSTER 'main' AS minhash_bands_local
ENGINE = Distributed('main', currentDatabase(), 'minhash_bands_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS minhash_coverage_local ON CLUSTER 'main'
(
    kb UInt32,
    rows UInt8,
    bands UInt8 COMMENT 'of each pattern',
    until UInt64 COMMENT 'the bands of the patterns with ids up to this one are there'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', until)
ORDER BY (kb, rows, bands)
SETTINGS replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS minhash_coverage ON CLUSTER 'main' AS minhash_coverage_local
ENGINE = Distributed('main', currentDatabase(), 'minhash_coverage_local', cityHash64(kb));

INSERT INTO migrations (number, name) VALUES (2, 'minhash_bands');

CREATE TABLE IF NOT EXISTS postings_local ON CLUSTER 'main'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kb, symbol, shape, id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS postings ON CLUSTER 'main' AS postings_local
ENGINE = Distributed('main', currentDatabase(), 'postings_local', cityHash64(kb, id));

CREATE TABLE IF NOT EXISTS posting_coverage_local ON CLUSTER 'main'
(
    kb UInt32,
    until UInt64 COMMENT 'the greatest id up to which the postings hold every pattern'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', until)
ORDER BY kb
SETTINGS replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS posting_coverage ON CLUSTER 'main' AS posting_coverage_local
ENGINE = Distributed('main', currentDatabase(), 'posting_coverage_local', cityHash64(kb));

INSERT INTO migrations (number, name) VALUES (3, 'postings');

ALTER TABLE patterns_local ON CLUSTER 'main'     ADD COLUMN IF NOT EXISTS shape UInt8
        DEFAULT least(length(symbols), 127) + if(empty(event_ends), 0, 128)
        COMMENT 'symbols, at most 127; plus 128 unless each event has one' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS frequent UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s <= 64), toUInt8((s - 1) % 64)), symbols))
        COMMENT 'a bit for each of the symbols up to 64' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS others UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s > 64), bitShiftRight(toUInt64(s) * 11400714819323198485, 58)),
            symbols))
        COMMENT 'hashed bits of the other symbols' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'three bits for each pair of adjacent symbols whose hash is below 2^63' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'the same for the other pairs' CODEC(NONE);

ALTER TABLE patterns ON CLUSTER 'main'     ADD COLUMN IF NOT EXISTS shape UInt8
        DEFAULT least(length(symbols), 127) + if(empty(event_ends), 0, 128)
        COMMENT 'symbols, at most 127; plus 128 unless each event has one' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS frequent UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s <= 64), toUInt8((s - 1) % 64)), symbols))
        COMMENT 'a bit for each of the symbols up to 64' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS others UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s > 64), bitShiftRight(toUInt64(s) * 11400714819323198485, 58)),
            symbols))
        COMMENT 'hashed bits of the other symbols' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'three bits for each pair of adjacent symbols whose hash is below 2^63' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'the same for the other pairs' CODEC(NONE);

ALTER TABLE postings_local ON CLUSTER 'main'     ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE);

ALTER TABLE postings ON CLUSTER 'main'     ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE);

ALTER TABLE patterns_local ON CLUSTER 'main' MATERIALIZE COLUMN shape, MATERIALIZE COLUMN frequent,
    MATERIALIZE COLUMN others, MATERIALIZE COLUMN low_pairs, MATERIALIZE COLUMN high_pairs
    SETTINGS mutations_sync = 0;

ALTER TABLE postings_local ON CLUSTER 'main' MATERIALIZE COLUMN low_pairs, MATERIALIZE COLUMN high_pairs
    SETTINGS mutations_sync = 0;

INSERT INTO migrations (number, name) VALUES (4, 'signatures');

CREATE TABLE IF NOT EXISTS last_patterns_local ON CLUSTER 'main'
(
    kb UInt32,
    id UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', id)
ORDER BY kb
SETTINGS replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS last_patterns ON CLUSTER 'main' AS last_patterns_local
ENGINE = Distributed('main', currentDatabase(), 'last_patterns_local', cityHash64(kb));

INSERT INTO migrations (number, name) VALUES (5, 'last_patterns');

CREATE TABLE IF NOT EXISTS inherited_local ON CLUSTER 'main'
(
    kb UInt32,
    symbol UInt32,
    version UInt64,
    sums Map(String, Float64)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (kb, symbol)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS inherited ON CLUSTER 'main' AS inherited_local
ENGINE = Distributed('main', currentDatabase(), 'inherited_local', cityHash64(kb, symbol));

INSERT INTO migrations (number, name) VALUES (6, 'inherited');

ALTER TABLE tombstones_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS taken_back UInt8 DEFAULT 0;

ALTER TABLE tombstones ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS taken_back UInt8 DEFAULT 0;

INSERT INTO migrations (number, name) VALUES (7, 'undo');

CREATE TABLE IF NOT EXISTS carried_local ON CLUSTER 'main'
(
    one UInt8 DEFAULT 0,
    sequence UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', sequence)
ORDER BY one
SETTINGS replicated_deduplication_window = 1000,
    replicated_deduplication_window_seconds = 604800,
    fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS carried ON CLUSTER 'main' AS carried_local
ENGINE = Distributed('main', currentDatabase(), 'carried_local', cityHash64(one));

INSERT INTO migrations (number, name) VALUES (8, 'carried');

CREATE TABLE IF NOT EXISTS market_migrations_local ON CLUSTER 'main'
(number UInt32, name String, applied DateTime DEFAULT now())
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY number;

CREATE TABLE IF NOT EXISTS market_migrations ON CLUSTER 'main' AS market_migrations_local
ENGINE = Distributed('main', currentDatabase(), 'market_migrations_local', cityHash64(number));

CREATE TABLE IF NOT EXISTS market_landing ON CLUSTER 'main' (
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
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS bronze_binance_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS bronze_binance ON CLUSTER 'main' AS bronze_binance_local
ENGINE = Distributed('main', currentDatabase(), 'bronze_binance_local', cityHash64(topic, partition));

CREATE TABLE IF NOT EXISTS bronze_kraken_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS bronze_kraken ON CLUSTER 'main' AS bronze_kraken_local
ENGINE = Distributed('main', currentDatabase(), 'bronze_kraken_local', cityHash64(topic, partition));

CREATE TABLE IF NOT EXISTS bronze_coinbase_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS bronze_coinbase ON CLUSTER 'main' AS bronze_coinbase_local
ENGINE = Distributed('main', currentDatabase(), 'bronze_coinbase_local', cityHash64(topic, partition));

CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_bronze_binance ON CLUSTER 'main' TO bronze_binance AS
SELECT native, trade_id, sequence, time, price_text AS price, size_text AS size,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    payload, topic, partition, offset, ordinal, received, connection
FROM market_landing WHERE exchange = 'binance' AND is_trade;

CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_bronze_kraken ON CLUSTER 'main' TO bronze_kraken AS
SELECT native, trade_id, sequence, time, price_text AS price, size_text AS size,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    payload, topic, partition, offset, ordinal, received, connection
FROM market_landing WHERE exchange = 'kraken' AND is_trade;

CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_bronze_coinbase ON CLUSTER 'main' TO bronze_coinbase AS
SELECT native, trade_id, sequence, time, price_text AS price, size_text AS size,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    payload, topic, partition, offset, ordinal, received, connection
FROM market_landing WHERE exchange = 'coinbase' AND is_trade;

CREATE TABLE IF NOT EXISTS market_unreadable_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(received)
ORDER BY (topic, partition, offset, ordinal)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS market_unreadable ON CLUSTER 'main' AS market_unreadable_local
ENGINE = Distributed('main', currentDatabase(), 'market_unreadable_local', cityHash64(topic, partition));

CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_unreadable ON CLUSTER 'main' TO market_unreadable AS
SELECT exchange, native, unreadable AS reason, payload, topic, partition, offset, ordinal,
    received, connection
FROM market_landing WHERE unreadable != '';

INSERT INTO market_migrations (number, name) VALUES (1, 'bronze');

CREATE TABLE IF NOT EXISTS silver_trades_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(time)
ORDER BY (exchange, symbol, time, trade_id)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS silver_trades ON CLUSTER 'main' AS silver_trades_local
ENGINE = Distributed('main', currentDatabase(), 'silver_trades_local', cityHash64(exchange, symbol));

CREATE MATERIALIZED VIEW IF NOT EXISTS landing_to_silver ON CLUSTER 'main' TO silver_trades AS
SELECT exchange, symbol, native, trade_id, number, sequence, time, price, size,
    toDecimal256(price, 12) * size AS quote,
    CAST(side, 'Enum8(\'BUY\' = 1, \'SELL\' = 2, \'SELL_SHORT\' = 3, \'UNKNOWN\' = 4)') AS side,
    empty(errors) AS is_valid, errors, vendor, received, topic, partition, offset, ordinal
FROM market_landing WHERE is_new;

INSERT INTO market_migrations (number, name) VALUES (2, 'silver');

CREATE TABLE IF NOT EXISTS candles_live_local ON CLUSTER 'main'
(
    seconds UInt32,
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    start DateTime('UTC'),
    open AggregateFunction(argMin, Decimal(38, 12), Tuple(DateTime64(9, 'UTC'), UInt64, String)),
    high SimpleAggregateFunction(max, Decimal(38, 12)),
    low SimpleAggregateFunction(min, Decimal(38, 12)),
    close AggregateFunction(argMax, Decimal(38, 12), Tuple(DateTime64(9, 'UTC'), UInt64, String)),
    volume SimpleAggregateFunction(sum, Decimal(76, 24)),
    quote_volume SimpleAggregateFunction(sum, Decimal(76, 24)),
    buy_volume SimpleAggregateFunction(sum, Decimal(76, 24)),
    trades SimpleAggregateFunction(sum, UInt64),
    first_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(start)
ORDER BY (seconds, exchange, symbol, start)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS candles_live ON CLUSTER 'main' AS candles_live_local
ENGINE = Distributed('main', currentDatabase(), 'candles_live_local', cityHash64(exchange, symbol));

CREATE MATERIALIZED VIEW IF NOT EXISTS silver_to_candles ON CLUSTER 'main' TO candles_live_local AS
SELECT length AS seconds, exchange, symbol,
    toDateTime(intDiv(minute, length) * length, 'UTC') AS start,
    argMinMergeState(first_price) AS open,
    max(highest) AS high,
    min(lowest) AS low,
    argMaxMergeState(last_price) AS close,
    sum(sizes) AS volume,
    sum(quotes) AS quote_volume,
    sum(bought) AS buy_volume,
    sum(counted) AS trades,
    min(earliest) AS first_time,
    max(latest) AS last_time
FROM (
    SELECT exchange, symbol,
        intDiv(toUnixTimestamp64Second(time), 60) * 60 AS minute,
        argMinState(price, (time, sequence, trade_id)) AS first_price,
        max(price) AS highest,
        min(price) AS lowest,
        argMaxState(price, (time, sequence, trade_id)) AS last_price,
        sum(toDecimal256(size, 24)) AS sizes,
        sum(quote) AS quotes,
        sumIf(toDecimal256(size, 24), side = 'BUY') AS bought,
        count() AS counted,
        min(time) AS earliest,
        max(time) AS latest
    FROM silver_trades_local WHERE is_valid
    GROUP BY exchange, symbol, minute
)
ARRAY JOIN [60, 300, 900, 1800, 3600, 86400] AS length
GROUP BY seconds, exchange, symbol, start;

INSERT INTO market_migrations (number, name) VALUES (3, 'candles');

CREATE TABLE IF NOT EXISTS candles_sealed_local ON CLUSTER 'main'
(
    seconds UInt32,
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    open Decimal(38, 12) CODEC(ZSTD(1)),
    high Decimal(38, 12) CODEC(ZSTD(1)),
    low Decimal(38, 12) CODEC(ZSTD(1)),
    close Decimal(38, 12) CODEC(ZSTD(1)),
    volume Decimal(76, 24) CODEC(ZSTD(1)),
    quote_volume Decimal(76, 24) CODEC(ZSTD(1)),
    buy_volume Decimal(76, 24) CODEC(ZSTD(1)),
    trades UInt64 CODEC(ZSTD(1)),
    first_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    last_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
PARTITION BY toYYYYMM(start)
ORDER BY (seconds, exchange, symbol, start);

CREATE TABLE IF NOT EXISTS candles_sealed ON CLUSTER 'main' AS candles_sealed_local
ENGINE = Distributed('main', currentDatabase(), 'candles_sealed_local', cityHash64(exchange, symbol));

CREATE VIEW IF NOT EXISTS candles_1m ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 60
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 60
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

CREATE VIEW IF NOT EXISTS candles_5m ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 300
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 300
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

CREATE VIEW IF NOT EXISTS candles_15m ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 900
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 900
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

CREATE VIEW IF NOT EXISTS candles_30m ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 1800
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 1800
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

CREATE VIEW IF NOT EXISTS candles_1h ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 3600
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 3600
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

CREATE VIEW IF NOT EXISTS candles_1d ON CLUSTER 'main' AS
WITH
    reinterpret(quote_volume, 'Int256') AS quotes,
    intDiv(reinterpret(volume, 'Int256'), toInt256(1000000000000)) AS sizes,
    intDiv(quotes, sizes) AS whole,
    2 * (quotes - whole * sizes) AS twice
SELECT exchange, symbol, start,
    candle.1 AS open, candle.2 AS high, candle.3 AS low, candle.4 AS close,
    candle.5 AS volume, candle.6 AS quote_volume, candle.7 AS buy_volume, candle.8 AS trades,
    CAST(reinterpret(whole + if(twice = sizes, whole % 2, toInt256(twice > sizes)),
        'Decimal(76, 12)'), 'Decimal(38, 12)') AS vwap,
    candle.9 AS first_time, candle.10 AS last_time, toBool(newest > 0) AS sealed
FROM (
    SELECT exchange, symbol, start, max(version) AS newest, argMax(found, version) AS candle
    FROM (
        SELECT exchange, symbol, start, version,
            (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time,
                last_time) AS found
        FROM candles_sealed WHERE seconds = 86400
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = 86400
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);

INSERT INTO market_migrations (number, name) VALUES (4, 'sealed');

CREATE TABLE IF NOT EXISTS market_gaps_local ON CLUSTER 'main'
(
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
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (exchange, symbol, kind, after, before, noted);

CREATE TABLE IF NOT EXISTS market_gaps ON CLUSTER 'main' AS market_gaps_local
ENGINE = Distributed('main', currentDatabase(), 'market_gaps_local', cityHash64(exchange, symbol));

CREATE TABLE IF NOT EXISTS market_floors_local ON CLUSTER 'main'
(
    name LowCardinality(String),
    day Date
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', day)
ORDER BY name;

CREATE TABLE IF NOT EXISTS market_floors ON CLUSTER 'main' AS market_floors_local
ENGINE = Distributed('main', currentDatabase(), 'market_floors_local', cityHash64(name));

INSERT INTO market_migrations (number, name) VALUES (5, 'gaps');

CREATE TABLE IF NOT EXISTS market_received_local ON CLUSTER 'main'
(
    source LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta, ZSTD(1)),
    key String CODEC(ZSTD(1)),
    value String CODEC(ZSTD(1)),
    header_names Array(LowCardinality(String)),
    header_values Array(String) CODEC(ZSTD(1)),
    arrived DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(arrived)
ORDER BY (source, topic, partition, offset);

CREATE TABLE IF NOT EXISTS market_received ON CLUSTER 'main' AS market_received_local
ENGINE = Distributed('main', currentDatabase(), 'market_received_local', cityHash64(source, topic));

CREATE TABLE IF NOT EXISTS market_received_stops_local ON CLUSTER 'main'
(
    source LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    stop SimpleAggregateFunction(max, UInt64)
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (source, topic, partition);

CREATE TABLE IF NOT EXISTS market_received_stops ON CLUSTER 'main' AS market_received_stops_local
ENGINE = Distributed('main', currentDatabase(), 'market_received_stops_local', cityHash64(source, topic));

CREATE MATERIALIZED VIEW IF NOT EXISTS received_to_stops ON CLUSTER 'main' TO market_received_stops_local AS
SELECT source, topic, partition, max(offset) + 1 AS stop
FROM market_received_local GROUP BY source, topic, partition;

INSERT INTO market_migrations (number, name) VALUES (6, 'received');

