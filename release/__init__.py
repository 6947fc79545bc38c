"""Makes what a release consists of, beside the wheel."""
