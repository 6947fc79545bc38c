"""The ref store: the only thing that moves, and the log of every move (README.md)."""
