"""Questions about zones and their past; nothing moves."""
