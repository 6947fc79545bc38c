"""The checks of ref moves, which the ref store and dry runs share."""
