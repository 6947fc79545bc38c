"""From intended changes to one acknowledged commit."""
