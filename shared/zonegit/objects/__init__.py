"""Immutable objects, their octets and their ids (docs/object-model.md), without I/O."""
