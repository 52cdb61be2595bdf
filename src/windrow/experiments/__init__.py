"""Recipes (the only place of the paper's numbers), runs and the demo."""
