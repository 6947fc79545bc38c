"""The stack on one machine: start it, keep it running, record it, stop it."""
