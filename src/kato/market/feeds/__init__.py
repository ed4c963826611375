"""Feeds: what exchanges say, received, checked for gaps, and written to the log unchanged."""
