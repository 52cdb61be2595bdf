"""The training loop, with its optimization and its checkpoints."""
