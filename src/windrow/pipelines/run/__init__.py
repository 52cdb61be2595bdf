"""The run directory and the records of every run."""
