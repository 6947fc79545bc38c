"""Keep on disk what was served last, so that a resolver starts without the bus."""
