"""Answer queries: from a parsed query to the octets of its reply. Pure."""
