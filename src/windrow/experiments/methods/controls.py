"""What a pre-trained encoder has to beat: no pre-training at all, in four ways."""

from __future__ import annotations

from windrow.experiments.methods.method import Method
from windrow.experiments.recipes.methods import bands, random_encoder

SCRATCH = Method("scratch", "From scratch", False, "frozen", bands)
"""The standardised bands go straight into the base model."""

RANDOM_ENCODER = Method("random-encoder", "Random weights", False, "frozen", random_encoder)
"""BERT's encoder as it was drawn."""

END_TO_END = Method("end-to-end", "End to end", False, "end_to_end", random_encoder)
"""BERT's encoder and the base model, both trained on the labels alone."""

RANDOM_FOREST = Method("random-forest", "Random forest", False, "forest", bands)
"""On the flattened series."""
