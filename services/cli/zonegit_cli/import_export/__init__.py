"""Histories that come from files and from git, and go there."""
