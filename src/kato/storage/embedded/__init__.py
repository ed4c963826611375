"""Stores that need nothing installed: a data directory, ClickHouse in it, a Valkey beside it."""
