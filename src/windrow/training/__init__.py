"""One loop, its optimization and its checkpoints."""
