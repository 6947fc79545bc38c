"""Read the options and the configuration file of a resolver."""
