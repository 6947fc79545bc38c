"""Read and write master files (RFC 1035 section 5) as RRsets."""
