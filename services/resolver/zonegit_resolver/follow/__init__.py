"""Follow the log of the ref store: load, compile and swap the zones that moved."""
