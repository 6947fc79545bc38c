"""Questions about content and the past, as pure algorithms that ask for the objects they need."""
