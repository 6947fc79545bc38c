"""Report on a resolver: status, metrics, readiness."""
