"""The ``zonegit`` command: what an operator types, over the bus."""
