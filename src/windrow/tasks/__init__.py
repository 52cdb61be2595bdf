"""Masking, losses and tasks: a batch goes in, a loss and its parts come out."""
