"""Immutable values, their octets and their hash: docs/object-model.md in code. All pure."""
