"""Programs for those who work on KATO."""
