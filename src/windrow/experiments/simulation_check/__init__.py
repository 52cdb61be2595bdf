"""Compares simulated fields with real ones."""
