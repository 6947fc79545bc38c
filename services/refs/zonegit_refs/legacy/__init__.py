"""Adopt stores of the original zonegit (v0.3): check them, store their names, convert these."""
