"""Training steps on a GPU: CUDA graphs and flat parameters."""
