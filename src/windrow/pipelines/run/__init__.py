"""The run directory and what every run records."""
