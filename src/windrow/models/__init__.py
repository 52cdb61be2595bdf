"""Encoder, heads and their files; torch, numpy, pydantic and safetensors alone."""
