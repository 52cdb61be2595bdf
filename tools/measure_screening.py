"""Measures how many planted label errors ``windrow screen`` finds on half A of real fields.

    python tools/measure_screening.py --data FOLDER [--draws 5] [--num-trees 60]

A share of the labels is changed at random. The threshold of suspicion is set so that 5 % of the
right labels are marked. The tool prints the share of the wrong labels below it. No label of half B
is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from measure_classifier import Fields, real_places
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.evaluation.label_screening import relative_confidence
from windrow.experiments.recipes.classifier import mix

WRONG, FALSE_ALARMS, FOLDS = 0.05, 0.05, 5


def found_share(fields: Fields, encoder: PlaceEncoder, *, num_trees: int, draw: int) -> float:
    """Plants errors, screens the labels and returns the share of errors found.

    Args:
        fields: labelled fields of a place.
        encoder: the place network.
        num_trees: trees of each forest.
        draw: number of the draw, which determines errors and folds.
    """
    generator = np.random.default_rng([9, draw])
    labelled = np.flatnonzero(fields.label >= 0)
    num_classes = len(fields.classes)
    label = fields.label.copy()
    wrong = generator.choice(labelled, max(1, round(WRONG * len(labelled))), replace=False)
    label[wrong] = (label[wrong] + generator.integers(1, num_classes, len(wrong))) % num_classes
    fold = generator.permutation(len(labelled)) % FOLDS
    probability: npt.NDArray[np.float64] = np.zeros((len(label), num_classes))
    settings = mix().model_copy(update={"num_trees": num_trees})
    for number in range(FOLDS):
        told: list[str | None] = [None] * len(label)
        for row in labelled[fold != number]:
            told[row] = fields.classes[label[row]]
        crops = {
            name: [crop for crop in known if crop in encoder.crop_names]
            for name, known in fields.crops.items()
            if name in told
        }
        classifier = MixedClassifier(encoder, settings, seed=draw)
        classifier.fit(fields.series, told, crops={n: c for n, c in crops.items() if c})
        held = labelled[fold == number]
        columns = [fields.classes.index(name) for name in classifier.classes]
        probability[np.ix_(held, columns)] = classifier.predict_proba(fields.series.select(held))
    confidence = relative_confidence(probability[labelled], label[labelled])
    is_wrong = np.isin(labelled, wrong)
    threshold = np.quantile(confidence[~is_wrong], FALSE_ALARMS)
    return float((confidence[is_wrong] < threshold).mean())


def main() -> None:
    """Prints the share of planted errors found by place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--num-trees", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder()
    for fields in real_places(options.data):
        shares = [
            found_share(fields, encoder, num_trees=options.num_trees, draw=draw)
            for draw in range(options.draws)
        ]
        print(f"{fields.name:18} {np.mean(shares):.2f}")


if __name__ == "__main__":
    main()
