"""Fair sharing of a worker between those who ask it for work (docs/adr/0040-fair-queueing.md)."""
