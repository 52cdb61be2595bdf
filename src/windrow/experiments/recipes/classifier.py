"""The mix of the crop classifier, fixed in advance for all places; all numbers are ours."""

from __future__ import annotations

from windrow.classifiers.cover_settings import CoverSettings
from windrow.classifiers.mix import MixSettings
from windrow.evaluation.fewshot.settings import Context, CropClassifierSettings, MethodHead
from windrow.experiments.recipes.heads import FEATURES
from windrow.pipelines.land_covers import LandCoverSettings
from windrow.pipelines.train import TrainSettings

NUM_LIKELY_KINDS = 12
"""Kinds of crops that ``--crops-at`` assumes: of 6 to 16, measured on half A of the real fields
(``tools/measure_likely_crops.py``; docs/log.md)."""


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


def land_covers() -> LandCoverSettings:
    """Returns the land covers that ``windrow train`` adds to the classes of a cube.

    The doubt was chosen on half A of the real fields (``tools/measure_land_covers.py``).
    """
    return LandCoverSettings(
        names=(
            "broad-leaved forest",
            "needle forest",
            "shrub",
            "wetland",
            "water",
            "bare ground",
            "built-up",
        ),
        num_worlds=4,
        num_fields=60,
        forest=CoverSettings(num_trees=200, min_rows_a_leaf=2, doubt=0.6, sharpness=2.0),
    )


def train_settings(*, seed: int = 0, with_land_covers: bool = False) -> TrainSettings:
    """Returns the settings of ``windrow train``.

    Args:
        seed: every random draw follows from it.
        with_land_covers: add the land covers that no label names.
    """
    covers = land_covers() if with_land_covers else None
    return TrainSettings(mix=mix(), features=FEATURES, land_covers=covers, seed=seed)


def crop_classifier_head(*, use_prior: bool = True, context: Context = "place") -> MethodHead:
    """Returns the crop classifier as the method ``windrow`` of a few-label comparison.

    Args:
        use_prior: use what the network knows of the crops that the classes name.
        context: fields that the classifier sees without labels; see
            :class:`windrow.evaluation.fewshot.settings.CropClassifierSettings`.
    """
    settings = CropClassifierSettings(mix=mix(), use_prior=use_prior, context=context)
    return MethodHead(method="windrow", head=settings)
