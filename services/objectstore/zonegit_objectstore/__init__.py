"""The object store: keeps immutable objects by id, whole and verified (README.md)."""
