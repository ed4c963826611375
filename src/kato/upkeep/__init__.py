"""Looks after a memory: verify, rebuild, backup, restore, moving in and out."""
