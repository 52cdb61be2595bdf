"""Encoders, heads and their files. They need torch, numpy, pydantic and safetensors only."""
