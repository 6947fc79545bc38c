"""The rules by which moves of a ref are accepted: one code for the ref store and for dry runs."""
