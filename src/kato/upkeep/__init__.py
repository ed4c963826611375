"""Looks after a memory: verify, rebuild, and what else it needs now and then."""
