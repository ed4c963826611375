-- Candles whose time is over, each computed anew from distinct trades; the newest version counts.
CREATE TABLE IF NOT EXISTS candles_sealed (
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
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (seconds, exchange, symbol, start);
-- The sealed candle where there is one, else the live one. A condition on exchange, symbol and
-- start reaches both tables. The quotient of integers, both scaled, is rounded half to even.
-- for each timeframe
CREATE VIEW IF NOT EXISTS candles_<timeframe> AS
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
        FROM candles_sealed WHERE seconds = <seconds>
        UNION ALL
        SELECT exchange, symbol, start, toUInt64(0) AS version,
            (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume),
                sum(quote_volume), sum(buy_volume), sum(trades), min(first_time),
                max(last_time)) AS found
        FROM candles_live WHERE seconds = <seconds>
        GROUP BY exchange, symbol, start
    )
    GROUP BY exchange, symbol, start
);
