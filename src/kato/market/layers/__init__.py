"""The layers in ClickHouse: bronze as received, silver the distinct trades, gold their candles."""
