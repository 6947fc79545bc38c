"""Rules that find what is wrong with a zone: their table, and their view of the zone. Pure."""
