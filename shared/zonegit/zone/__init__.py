"""DNS values: names, types, RDATA, RRsets and serials, and the rules for zones."""
