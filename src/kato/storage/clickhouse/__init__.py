"""ClickHouse: where patterns live, in an engine of our own or on a server."""
