"""Ingest: carries the log to ClickHouse, batch by batch, each exactly once."""
