-- Candles as trades come in: states that any split into batches and any merge leave the same. The
-- first and the last trade are those by time, then place in the sequence, then id.
-- for each timeframe
CREATE TABLE IF NOT EXISTS candles_<timeframe>_live (
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
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(start)
ORDER BY (exchange, symbol, start)
SETTINGS non_replicated_deduplication_window = 10000;
CREATE MATERIALIZED VIEW IF NOT EXISTS silver_to_candles_1m TO candles_1m_live AS
SELECT exchange, symbol,
    toDateTime(intDiv(toUnixTimestamp64Second(time), 60) * 60, 'UTC') AS start,
    argMinState(price, (time, sequence, trade_id)) AS open,
    max(price) AS high,
    min(price) AS low,
    argMaxState(price, (time, sequence, trade_id)) AS close,
    sum(toDecimal256(size, 24)) AS volume,
    sum(quote) AS quote_volume,
    sumIf(toDecimal256(size, 24), side = 'BUY') AS buy_volume,
    count() AS trades,
    min(time) AS first_time,
    max(time) AS last_time
FROM silver_trades WHERE is_valid
GROUP BY exchange, symbol, start;
-- What a batch adds to minutes is far less than its trades, and the sum of their states is exact.
-- for each longer timeframe
CREATE MATERIALIZED VIEW IF NOT EXISTS minutes_to_candles_<timeframe>
TO candles_<timeframe>_live AS
SELECT exchange, symbol,
    toDateTime(intDiv(toUnixTimestamp(minutes.start), <seconds>) * <seconds>, 'UTC') AS start,
    argMinMergeState(open) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxMergeState(close) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(buy_volume) AS buy_volume,
    sum(trades) AS trades,
    min(first_time) AS first_time,
    max(last_time) AS last_time
FROM candles_1m_live AS minutes
GROUP BY exchange, symbol, start;
