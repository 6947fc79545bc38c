"""Measurements of zonegit and its peers; ``make bench`` prints them as one report."""
