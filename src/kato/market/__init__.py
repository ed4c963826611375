"""From the streams of exchanges to right candles: feeds, log, layers, ingest, and the bridge.

A feed writes what an exchange says to the log, unchanged. Ingest carries the log, batch by batch,
each exactly once, to ClickHouse: *bronze* is what was received, *silver* the distinct trades of
all exchanges, *gold* their candles. The bridge turns them into events that a memory learns.
"""
