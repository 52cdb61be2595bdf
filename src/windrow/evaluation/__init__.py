"""Inference, features, metrics and the few-label protocol."""
