"""Metrics, intervals, tests and the few-label protocol."""
