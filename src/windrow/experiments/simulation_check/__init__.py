"""Simulated fields beside real ones."""
