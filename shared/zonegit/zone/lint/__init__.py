"""Rules that find faults of a zone: their table, and their view of the zone."""
