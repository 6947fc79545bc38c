"""How things look, for people and as JSON."""
