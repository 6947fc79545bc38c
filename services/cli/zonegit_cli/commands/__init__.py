"""One page per command."""
