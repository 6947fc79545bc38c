"""Build the parts of a release other than the wheel."""
