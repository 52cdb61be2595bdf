"""Measures what land covers that no label names cost on labelled fields, and how many they find.

    python tools/measure_land_covers.py --data FOLDER [--draws 3]

k fields a class are drawn from half A. The rest of half A is classified with the crops alone, with
the land covers as classes of the network's prior (*as classes*), and with simulated land covers.
All of these fields are crops, so each that becomes a land cover is an error. The land covers to
find are *simulated* too, of other draws than those that are learned from. Labels of half
B are never read.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from measure_classifier import Fields, draw_support, real_places
from windrow.classifiers.covered_classifier import CoveredClassifier
from windrow.classifiers.land_covers import CROP, CoverExamples, LandCovers
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.experiments.recipes.classifier import land_covers, mix
from windrow.pipelines.land_covers import simulate_covers

LABELS = (1, 5, 10)
DOUBTS = (0.5, 0.6, 0.8)
LEARNED_SEED, ASKED_SEED = 0, 1_000


def measure(
    encoder: PlaceEncoder, fields: Fields, *, num_draws: int, num_trees: int
) -> list[dict[str, float | str]]:
    """Returns a row of figures for each number of labelled fields."""
    crops = {
        name: tuple(crop for crop in known if crop in encoder.crop_names)
        for name, known in fields.crops.items()
    }
    learned, asked = (
        simulated(encoder, fields, crops, seed=seed) for seed in (LEARNED_SEED, ASKED_SEED)
    )
    is_cover = asked.label != CROP
    settings = mix().model_copy(update={"num_trees": num_trees})
    rows: list[dict[str, float | str]] = []
    for k in LABELS:
        figures: dict[str, list[float]] = {}
        for draw in range(num_draws):
            support = draw_support(fields.label, k, draw)
            told: list[str | None] = [None] * len(fields.label)
            for index in support:
                told[index] = fields.classes[fields.label[index]]
            rest = np.setdiff1d(np.flatnonzero(fields.label >= 0), support)
            truth = np.array(fields.classes)[fields.label[rest]]
            others = fields.series.select(rest)
            plain = MixedClassifier(encoder, settings, seed=draw)
            found = plain.fit(fields.series, told, crops=crops).predict(others)
            figures.setdefault("crops alone", []).append(float((found == truth).mean()))
            priors = {name: (name,) for name in learned.names}
            plain.fit(fields.series, told, crops={**crops, **priors})
            found = plain.predict(others)
            figures.setdefault("as classes", []).append(float((found == truth).mean()))
            covered = CoveredClassifier(encoder, settings, examples=learned, seed=draw)
            covered.fit(fields.series, told, crops=crops)
            forest = covered.covers.forest
            for doubt in DOUBTS:
                own = learned.settings.model_copy(update={"doubt": doubt})
                examples = replace(learned, settings=own)
                covered.restore_covers(LandCovers(examples, forest))
                found = covered.predict(others)
                seen = covered.classify_grid(asked.grid.select(is_cover))[0].argmax(axis=1)
                num_crops = len(covered.fitted.classes)
                right = seen - num_crops == asked.label[is_cover]
                for name, values in (
                    (f"accuracy {doubt}", found == truth),
                    (f"lost {doubt}", np.isin(found, learned.names)),
                    (f"found {doubt}", seen >= num_crops),
                    (f"named {doubt}", right),
                ):
                    figures.setdefault(name, []).append(float(values.mean()))
        means = {name: float(np.mean(values)) for name, values in figures.items()}
        rows.append({"place": fields.name, "k": k, **means})
        print(pd.DataFrame(rows[-1:]).round(3).to_string(header=len(rows) == 1), flush=True)
    return rows


def simulated(
    encoder: PlaceEncoder, fields: Fields, crops: dict[str, tuple[str, ...]], *, seed: int
) -> CoverExamples:
    """Simulates land covers and crops at the place of the fields."""
    found = simulate_covers(
        fields.series, fields.classes, crops, encoder=encoder, settings=land_covers(), seed=seed
    ).examples
    if found is None:
        raise ValueError(f"all land covers are named in {fields.name}")
    return found


def main() -> None:
    """Prints a table of accuracy, of crops lost and of land covers found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--num-trees", type=int, default=mix().num_trees)
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder("windrow-1")
    rows = []
    for fields in real_places(options.data):
        rows += measure(encoder, fields, num_draws=options.draws, num_trees=options.num_trees)
    print(pd.DataFrame(rows).round(3).to_string())


if __name__ == "__main__":
    main()
