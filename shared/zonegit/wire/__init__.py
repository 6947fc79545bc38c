"""What travels on the bus: typed messages, their octets, their subjects, failures as messages."""
