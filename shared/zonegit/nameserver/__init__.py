"""What an authoritative server says: from a zone at a commit and the octets of a query to those of
the reply. The resolver serves it, and the command line answers from it without a server. Pure."""
