"""Zones as queries see them: persistent snapshots, advanced change by change. Pure."""
