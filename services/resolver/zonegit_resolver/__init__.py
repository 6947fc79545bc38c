"""The resolver: an authoritative DNS server that serves each change as it is committed."""
