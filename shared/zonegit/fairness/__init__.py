"""Schedule queued work fairly by measured time."""
