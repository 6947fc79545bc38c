"""Store immutable objects by id, complete and verified (README.md)."""
