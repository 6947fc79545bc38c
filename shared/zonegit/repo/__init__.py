"""The use cases: what an operator does to zones. Clock and identity are passed in."""
