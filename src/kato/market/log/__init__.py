"""The log between feeds and ingest: a Kafka-protocol broker, or a stream in the ledger's server."""

from kato.market.log.records import LogReader, LogWriter, Position, Record, Span

__all__ = ["LogReader", "LogWriter", "Position", "Record", "Span"]
