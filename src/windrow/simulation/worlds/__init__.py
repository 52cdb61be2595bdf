"""Simulated worlds to learn from: random places of scattered fields under one sky."""
