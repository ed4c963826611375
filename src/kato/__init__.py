"""A deterministic, explainable memory for sequences."""
