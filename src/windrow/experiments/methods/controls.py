"""Four controls without pre-training, which a pre-trained encoder has to beat."""

from __future__ import annotations

from windrow.experiments.methods.method import Method
from windrow.experiments.recipes.methods import bands, random_encoder

SCRATCH = Method("scratch", "From scratch", False, "frozen", bands)
"""The head reads the standardised bands."""

RANDOM_ENCODER = Method("random-encoder", "Random weights", False, "frozen", random_encoder)
"""The head reads BERT's encoder with random weights."""

END_TO_END = Method("end-to-end", "End to end", False, "end_to_end", random_encoder)
"""BERT's encoder and the head are both trained on the labels only."""

RANDOM_FOREST = Method("random-forest", "Random forest", False, "forest", bands)
"""A random forest reads the flattened series."""
