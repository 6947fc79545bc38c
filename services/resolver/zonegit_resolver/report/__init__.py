"""What a resolver tells of itself: status, metrics, readiness."""
