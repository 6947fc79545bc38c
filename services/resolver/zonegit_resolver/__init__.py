"""The resolver: an authoritative DNS server that is told of every change."""
