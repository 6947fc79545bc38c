"""Whole zones and their differences, for secondaries."""
