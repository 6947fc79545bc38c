"""What an operator typed, pointed at or wrote, taken apart."""
