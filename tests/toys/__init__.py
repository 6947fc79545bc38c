"""Small examples of what the library supports; tests run them."""
