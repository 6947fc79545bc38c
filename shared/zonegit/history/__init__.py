"""Blame, and walks over the commit graph, as sans-I/O generators."""
