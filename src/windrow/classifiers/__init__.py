"""Features and the classifiers that learn from them."""
