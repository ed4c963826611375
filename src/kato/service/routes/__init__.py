"""Routes, a file for each family of endpoints."""
