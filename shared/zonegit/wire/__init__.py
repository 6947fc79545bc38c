"""Define the wire format: typed messages, their encoding, their subjects, errors as messages."""
