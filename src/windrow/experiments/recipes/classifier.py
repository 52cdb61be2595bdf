"""The mix of the crop classifier, fixed in advance for all places; all numbers are ours."""

from __future__ import annotations

from windrow.classifiers.mix import MixSettings
from windrow.experiments.recipes.heads import FEATURES
from windrow.pipelines.train import TrainSettings


def mix() -> MixSettings:
    """Returns the weights of prototypes and trees in the crop classifier.

    Prototypes lead at one labelled field per class and have an eighth of the weight from five on.
    The numbers were chosen once, on held-out simulated places and on half A of the real fields
    (``tools/measure_classifier.py``; docs/log.md). They are the same for all places.
    """
    return MixSettings(
        num_labelled=(0, 1, 2, 5, 10, 20),
        prototypes=(1.0, 0.4, 0.25, 0.125, 0.125, 0.125),
        embedding_trees=(0.0, 0.15, 0.25, 0.3, 0.275, 0.3),
        four_index_trees=(0.0, 0.3, 0.25, 0.35, 0.35, 0.3),
        band_index_trees=(0.0, 0.15, 0.25, 0.225, 0.25, 0.275),
        least_trust=0.1,
        num_trees=300,
        smoothing=0.02,
        temperature=(1.5, 0.85, 0.8, 0.65, 0.6, 0.7),
        share_trust=(0.0, 0.5, 0.5, 0.5, 0.3, 0.2),
    )


def train_settings(*, seed: int = 0) -> TrainSettings:
    """Returns the settings of ``windrow train``."""
    return TrainSettings(mix=mix(), features=FEATURES, seed=seed)
