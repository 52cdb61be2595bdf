"""Measures how often the prediction set of a field holds its true class.

    python tools/measure_coverage.py --places 100 --draws 5 --k 5 [--design balanced] [--data DATA]

In each draw, fields of a place are labelled. A threshold comes from the cross-validation of these
fields, as in ``windrow train``. The classifier is then fitted on all of them and classifies the
other fields. The simulated places are neither of the training nor of the validation. With
``--data``, half A of real fields follows apart. No label of half B is read.

The design ``balanced`` labels k fields per class. The design ``random`` labels as many fields, but
draws them from all fields alike. Comparing both shows what the changed class shares cost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file

from measure_classifier import Fields, fields_of_place, real_places
from windrow.classifiers.mix import MixSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.errors import DataError
from windrow.evaluation.calibration import expected_calibration_error
from windrow.evaluation.conformal import conformal_threshold, prediction_sets
from windrow.evaluation.cross_validation import COVERAGE, assign_folds
from windrow.experiments.recipes.classifier import mix
from windrow.experiments.recipes.worlds import windrow_1
from windrow.pipelines.world_cache import FIRST_SCENARIO_WORLD, WorldCacheSettings, make_place

FIRST_PLACE = 600_000
"""First number of the places within their kind; training and validation take other numbers."""

LEAST_OTHERS = 3
"""Fields of a class that must be left to classify."""


@dataclass(frozen=True)
class Draw:
    """Figures of one draw.

    Attributes:
        place: number of the place.
        coverage: share of the classified fields whose set holds the true class.
        size: mean number of classes of a set.
        num_classes: number of classes.
        accuracy: overall accuracy on the classified fields.
        expected_accuracy: overall accuracy by cross-validation.
        calibration_error: on the classified fields.
        expected_error: calibration error by cross-validation.
    """

    place: int
    coverage: float
    size: float
    num_classes: int
    accuracy: float
    expected_accuracy: float
    calibration_error: float
    expected_error: float


def simulated(num_places: int) -> Iterator[tuple[int, Fields]]:
    """Simulates new places, by turns anywhere on the Earth and of temperate farmland."""
    recipe = windrow_1()
    settings = WorldCacheSettings(
        worlds=recipe.worlds,
        scenario_worlds=recipe.scenario_worlds,
        clear_below=recipe.clear_below,
        seed=recipe.world_seed,
    )
    for place in range(num_places):
        number = FIRST_PLACE + place // 2 + (FIRST_SCENARIO_WORLD if place % 2 else 0)
        fields = fields_of_place(make_place(settings, number), number=number)
        if fields is None:
            print(f"place {number}: fewer than two crops, left out", file=sys.stderr)
        else:
            yield number, fields


def labelled_rows(
    fields: Fields, k: int, design: str, generator: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns the rows to label and the rows to classify.

    Classes with too few fields are left out of both. In the design ``random``, a class with fewer
    than two labelled fields is left out too.
    """
    counts = np.bincount(fields.label[fields.label >= 0], minlength=len(fields.classes))
    kept = np.flatnonzero(counts >= k + LEAST_OTHERS)
    members = [generator.permutation(np.flatnonzero(fields.label == one)) for one in kept]
    if len(members) < 2:
        raise DataError("fewer than two frequent classes", where=fields.name)
    if design == "balanced":
        chosen = np.concatenate([rows[:k] for rows in members])
    else:
        rows = generator.permutation(np.concatenate(members))[: k * len(members)]
        drawn = np.bincount(fields.label[rows], minlength=len(fields.classes))
        kept = np.flatnonzero(drawn >= 2)
        chosen = rows[np.isin(fields.label[rows], kept)]
    if len(kept) < 2:
        raise DataError("fewer than two classes were drawn", where=fields.name)
    rest = np.setdiff1d(np.flatnonzero(np.isin(fields.label, kept)), chosen)
    return np.sort(chosen), rest


def cross_validated(
    fields: Fields,
    encoder: PlaceEncoder,
    *,
    chosen: npt.NDArray[np.intp],
    labels: list[str | None],
    crops: dict[str, list[str]],
    settings: MixSettings,
    seed: int,
) -> npt.NDArray[np.float64]:
    """Returns the probabilities of the labelled fields by classifiers that were not fitted on them.

    The folds are those of ``windrow train``, without its plain methods. Columns are sorted by the
    name of the class.
    """
    names = sorted({name for name in labels if name is not None})
    true = np.array([names.index(str(labels[row])) for row in chosen])
    fold = assign_folds(true, fields.series.field_id[chosen], seed=seed)
    probability = np.zeros((len(chosen), len(names)))
    for number in range(int(fold.max()) + 1):
        shown = list(labels)
        for row in chosen[fold == number]:
            shown[row] = None
        known = {name: crop for name, crop in crops.items() if name in shown}
        classifier = MixedClassifier(encoder, settings, seed=seed).fit(
            fields.series, shown, crops=known
        )
        columns = np.array([names.index(name) for name in classifier.classes])
        probability[np.ix_(np.flatnonzero(fold == number), columns)] = classifier.predict_proba(
            fields.series.select(chosen[fold == number])
        )
    return probability


def measure(
    fields: Fields,
    encoder: PlaceEncoder,
    *,
    rows: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    place: int,
    num_trees: int,
    seed: int,
) -> tuple[Draw, dict[str, npt.NDArray[np.float64]]]:
    """Fits, classifies, and returns the figures of a draw and its probabilities."""
    chosen, rest = rows
    labels: list[str | None] = [None] * len(fields.label)
    for row in chosen:
        labels[row] = fields.classes[fields.label[row]]
    crops = {
        name: [crop for crop in known if crop in encoder.crop_names]
        for name, known in fields.crops.items()
        if name in labels
    }
    crops = {name: known for name, known in crops.items() if known}
    settings = mix().model_copy(update={"num_trees": num_trees})
    names = sorted({name for name in labels if name is not None})
    true_labelled = np.array([names.index(str(labels[row])) for row in chosen])
    held_out = cross_validated(
        fields, encoder, chosen=chosen, labels=labels, crops=crops, settings=settings, seed=seed
    )
    threshold = conformal_threshold(held_out, true_labelled, coverage=COVERAGE)
    classifier = MixedClassifier(encoder, settings, seed=seed).fit(
        fields.series, labels, crops=crops
    )
    probability = classifier.predict_proba(fields.series.select(rest))
    true = np.array([classifier.classes.index(fields.classes[fields.label[row]]) for row in rest])
    sets = prediction_sets(probability, threshold)
    draw = Draw(
        place=place,
        coverage=float(sets[np.arange(len(true)), true].mean()),
        size=float(sets.sum(axis=1).mean()),
        num_classes=len(classifier.classes),
        accuracy=float((probability.argmax(axis=1) == true).mean()),
        expected_accuracy=float((held_out.argmax(axis=1) == true_labelled).mean()),
        calibration_error=expected_calibration_error(probability, true),
        expected_error=expected_calibration_error(held_out, true_labelled),
    )
    shares = np.array([classifier.class_shares[name] for name in classifier.classes])
    votes = {
        "cross_validated": held_out,
        "cross_validated_true": true_labelled.astype(np.float64),
        "probability": probability,
        "true": true.astype(np.float64),
        "shares": shares,
    }
    return draw, votes


def show(name: str, draws: list[Draw]) -> None:
    """Prints means over the draws; standard errors are those of the means of the places."""
    places = sorted({draw.place for draw in draws})
    print(f"{name}: {len(draws)} draws of {len(places)} places, nominal coverage {COVERAGE:.0%}")
    for figure in (
        "coverage",
        "size",
        "num_classes",
        "accuracy",
        "expected_accuracy",
        "calibration_error",
        "expected_error",
    ):
        values = np.array([getattr(draw, figure) for draw in draws])
        of_place = np.array([draw.place for draw in draws])
        means = np.array([values[of_place == place].mean() for place in places])
        error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan
        if len(means) == 1:  # of one place, the draws are all there is
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        print(f"  {figure:18} {values.mean():.3f} +- {error:.3f}")
    sys.stdout.flush()


def main() -> None:
    """Prints coverage, size of the sets, accuracy and calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=100)
    parser.add_argument("--draws", type=int, default=5, help="of each place")
    parser.add_argument("--k", type=int, default=5, help="labelled fields per class")
    parser.add_argument("--design", choices=("balanced", "random"), default="balanced")
    parser.add_argument("--num-trees", type=int, default=mix().num_trees)
    parser.add_argument("--data", type=Path, help="folder of real fields")
    parser.add_argument("--out", type=Path, help="file of all probabilities (.safetensors)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder()
    votes: dict[str, npt.NDArray[np.float64]] = {}
    by_name: dict[str, list[Draw]] = {}
    real = enumerate(real_places(options.data)) if options.data is not None else ()
    for places in (simulated(options.places), real):
        for number, fields in places:
            draws: list[Draw] = []
            for draw in range(options.draws):
                generator = np.random.default_rng([11, number, draw])
                try:
                    rows = labelled_rows(fields, options.k, options.design, generator)
                except DataError as error:
                    print(f"{number}: {error}, left out", file=sys.stderr)
                    continue
                figures, found = measure(
                    fields, encoder, rows=rows, place=number, num_trees=options.num_trees, seed=draw
                )  # fmt: skip
                draws.append(figures)
                votes.update({f"{fields.name}|{number}|{draw}|{n}": x for n, x in found.items()})
            by_name.setdefault(fields.name, []).extend(draws)
            mean = np.mean([draw.coverage for draw in draws]) if draws else np.nan
            print(f"{fields.name} {number}: coverage {mean:.3f}", file=sys.stderr, flush=True)
            if options.out is not None:  # a stopped measurement keeps its places
                save_file({n: np.ascontiguousarray(x) for n, x in votes.items()}, options.out)
    together = [draw for name, all_ in by_name.items() if "simulated" in name for draw in all_]
    for name, all_ in {"simulated places": together, **by_name}.items():
        if all_:
            show(name, all_)


if __name__ == "__main__":
    main()
