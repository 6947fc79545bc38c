"""Queries about zones and their histories. They move no ref."""
