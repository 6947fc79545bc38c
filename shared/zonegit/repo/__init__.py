"""The use cases of operators. Clock and identity are parameters."""
