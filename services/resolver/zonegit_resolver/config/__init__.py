"""What a resolver was told to do: flags and file."""
