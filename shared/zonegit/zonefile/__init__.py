"""Master files (RFC 1035 section 5): read and written as RRsets, a line at a time."""
