"""The ref store: moves refs, and logs each move (README.md)."""
