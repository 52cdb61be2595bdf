"""Recipes: the numbers of every experiment, each with its table or section in the paper."""
