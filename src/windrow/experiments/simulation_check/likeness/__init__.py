"""Measures of likeness between simulated and real fields, one per module."""
