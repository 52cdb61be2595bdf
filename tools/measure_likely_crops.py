"""Measures what the crops that are likely at a place are worth, on half A of real fields.

    python tools/measure_likely_crops.py --data FOLDER

No label is given to the classifier (k = 0). It classifies by the crops that truly are there, or by
the most likely ones at the median position. A field is right if a crop of its predicted class is a
crop of its true class. The tool prints the accuracy over all labelled fields whose crops are in the
table. No label of half B is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from measure_classifier import Fields, real_places
from windrow.classifiers.class_shares import shift_shares
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.experiments.recipes.classifier import mix
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.likely_crops import likely_crops

PLACES = ("bavaria2018 L2A", "france2023 L2A", "kenya2019 L2A")


def accuracy(
    encoder: PlaceEncoder,
    fields: Fields,
    classes: Mapping[str, Sequence[str]],
    shares: Mapping[str, float] | None = None,
) -> float:
    """Computes the share of the fields whose predicted class has a crop of their true class.

    Args:
        encoder: the place network.
        fields: labelled fields of a place.
        classes: assumed classes and their crops.
        shares: shares that the probabilities are set to; None leaves them.
    """
    classifier = MixedClassifier(encoder, mix())
    classifier.fit(fields.series, [None] * len(fields.series), crops=classes)
    probability = classifier.predict_proba(fields.series)
    if shares is not None:
        even = np.full(len(classifier.classes), 1 / len(classifier.classes))
        asked = np.array([shares[name] for name in classifier.classes])
        probability = shift_shares(probability, even, asked / asked.sum())
    found = probability.argmax(axis=1)
    known = [row for row, label in enumerate(fields.label)
             if label >= 0 and fields.classes[label] in fields.crops]  # fmt: skip
    right = [
        bool(
            set(classes[classifier.classes[found[row]]])
            & set(fields.crops[fields.classes[fields.label[row]]])
        )
        for row in known
    ]
    return float(np.mean(right))


def median(degrees: npt.NDArray[np.float64] | None) -> float:
    """Computes the median of the fields' longitudes or latitudes.

    Raises:
        ValueError: positions are not known.
    """
    if degrees is None:
        raise ValueError("the fields have no positions")
    return float(np.median(degrees))


def main() -> None:
    """Prints accuracy by place and number of assumed classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--num", type=int, nargs="*", default=[6, 8, 10, 12, 16])
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder()
    for fields in real_places(options.data):
        if fields.name not in PLACES:
            continue
        place = Place(
            longitude=median(fields.series.longitude),
            latitude=median(fields.series.latitude),
            year=int(fields.series.year[0]),
        )
        true = {name: [crop for crop in crops if crop in encoder.crop_names]
                for name, crops in fields.crops.items()}  # fmt: skip
        print(f"{fields.name}: true crops {accuracy(encoder, fields, true):.3f}")
        for num in options.num:
            kinds = likely_crops(place, num=num)
            classes = {kind.name: kind.crops for kind in kinds}
            shares = {kind.name: kind.share for kind in kinds}
            even = accuracy(encoder, fields, classes)
            shifted = accuracy(encoder, fields, classes, shares)
            half = {name: share**0.5 for name, share in shares.items()}
            print(f"  {num} likely kinds: {even:.3f}, set to their shares {shifted:.3f}"
                  f" (roots {accuracy(encoder, fields, classes, half):.3f})"
                  f"  {', '.join(classes)}")  # fmt: skip


if __name__ == "__main__":
    main()
