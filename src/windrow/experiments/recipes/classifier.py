"""The mix of the crop classifier, fixed in advance for all places; all numbers are ours."""

from __future__ import annotations

from windrow.classifiers.crop_classifier import MixSettings
from windrow.experiments.recipes.heads import FEATURES
from windrow.pipelines.train import TrainSettings


def mix() -> MixSettings:
    """Prototypes lead at one labelled field a class, and have an eighth of the weight from five on.

    Chosen on simulated places kept aside and on half A of the real fields, once
    (``tools/measure_classifier.py``; docs/log.md), and never by place.
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
    )


def train_settings(*, seed: int = 0) -> TrainSettings:
    """The settings of ``windrow train``."""
    return TrainSettings(mix=mix(), features=FEATURES, seed=seed)
