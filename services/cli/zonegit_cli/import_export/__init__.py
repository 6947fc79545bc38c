"""Import and export histories, from and to files and git repositories."""
