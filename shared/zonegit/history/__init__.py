"""Blame and walks over the graph of commits, as sans-I/O generators."""
