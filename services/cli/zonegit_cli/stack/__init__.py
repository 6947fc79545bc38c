"""The stack on one machine: start, supervise, record and stop its processes."""
