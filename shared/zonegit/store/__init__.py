"""The seams: what an object store and a ref store promise, and what a ref must hold."""
