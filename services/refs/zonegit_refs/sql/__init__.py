"""Store refs and their log with SQL."""
