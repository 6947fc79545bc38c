"""From a query to its reply. Pure."""
