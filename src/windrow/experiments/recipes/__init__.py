"""Recipes: the numbers of every experiment, each with the table or section it comes from."""
