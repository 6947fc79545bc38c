"""The authoritative name server: from a zone at a commit and the octets of a query to those of
the reply. The resolver serves with it, and the command line answers with it without a server. Pure.
"""
