"""Recipes (the only modules that hold the paper's numbers), studies and the demo."""
