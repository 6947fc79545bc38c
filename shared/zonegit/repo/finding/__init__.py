"""What a command is about: where an operator stands, which commit is meant, what it holds."""
