"""The mix of the crop classifier, fixed in advance for all places; all numbers are ours."""

from __future__ import annotations

from windrow.classifiers.crop_classifier import MixSettings


def mix() -> MixSettings:
    """Half a weight for the prototypes, the rest shared by trees, as in the prototype.

    Chosen on simulated places kept aside and on half A of the real fields (docs/log.md).
    """
    return MixSettings(
        num_labelled=(0, 1, 5, 20),
        prototypes=(1.0, 0.5, 0.5, 0.5),
        embedding_trees=(0.0, 0.17, 0.17, 0.17),
        four_index_trees=(0.0, 0.17, 0.17, 0.17),
        band_index_trees=(0.0, 0.17, 0.17, 0.17),
        num_trees=300,
        smoothing=0.02,
        temperature=1.0,
    )
