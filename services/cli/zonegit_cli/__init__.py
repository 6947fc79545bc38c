"""The ``zonegit`` command, a client of the stores and the resolvers."""
