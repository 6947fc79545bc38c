"""DNS values: names, types, RDATA, RRsets, serials, and the rules about them."""
