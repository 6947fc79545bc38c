"""Which moves of a ref are accepted: the same code for the ref store and for whoever asks first."""
