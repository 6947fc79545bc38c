"""The authoritative name server: answer the octets of a query from a zone at a commit.

The resolver uses it to serve zones, the command line to answer queries without a server. Pure.
"""
