"""``kato market``: streams of exchanges, from their sockets to candles."""

from kato.cli.market.group import market

__all__ = ["market"]
