"""The version, in a place from which every room may read it."""

__version__ = "0.1.0"
