-- Candles as trades come in: states that any split into batches and any merge leave the same. The
-- first and the last trade are those by time, then place in the sequence, then id. One table has
-- all timeframes (`seconds` is how long a candle is), because each table that a batch reaches costs
-- it a view and a part, which is more than its trades cost.
CREATE TABLE IF NOT EXISTS candles_live (
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
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(start)
ORDER BY (seconds, exchange, symbol, start)
SETTINGS non_replicated_deduplication_window = 10000;
-- The longer candles of a batch are made of its minutes, which are few; that is exact.
CREATE MATERIALIZED VIEW IF NOT EXISTS silver_to_candles TO candles_live AS
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
    FROM silver_trades WHERE is_valid
    GROUP BY exchange, symbol, minute
)
ARRAY JOIN [<lengths>] AS length
GROUP BY seconds, exchange, symbol, start;
