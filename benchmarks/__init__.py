"""Measurements against peers, in the same run: ``make bench`` prints them as one report."""
