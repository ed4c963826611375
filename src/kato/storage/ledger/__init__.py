"""The ledger: counters, states, sessions and the journal, in Redis or Valkey.

Every change is one script, so it happens wholly or not at all. ``scripts/shared.lua`` lists the
keys.
"""
