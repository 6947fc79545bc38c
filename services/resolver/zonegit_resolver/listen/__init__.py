"""Sockets: where queries arrive and replies leave."""
