"""Take over stores of the original (v0.3): check, convert, keep their names."""
