"""Store objects with SQL."""
