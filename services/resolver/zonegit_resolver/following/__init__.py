"""From the log of the ref store to what is served, and to disk."""
