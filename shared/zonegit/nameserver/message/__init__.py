"""Octets of DNS messages: queries parsed, records rendered. Pure."""
