"""Format values as text and as JSON."""
