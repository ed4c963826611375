"""Test support: what the tests need around the system and no user ever gets."""
