"""Zones for queries: persistent snapshots, advanced change by change. Pure."""
