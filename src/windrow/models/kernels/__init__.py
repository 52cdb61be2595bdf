"""Faster ways of computing the encoder; they change no result beyond rounding."""
