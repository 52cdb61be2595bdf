"""Measures what suggested fields are worth beside random ones, on half A of real fields.

    python tools/measure_suggestions.py --data FOLDER [--draws 8] [--num-trees 60]

In each draw, two thirds of the fields may be visited and the others are classified. A strategy
chooses 20 fields, their labels are revealed, and the crop classifier is fitted on them. ``from
nothing`` begins without a label, ``from one a class`` with one labelled field of each class. The
tool prints accuracy and macro F1 with standard errors, and the difference from random drawing over
the same splits. No label of half B is read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans

from measure_classifier import Fields, real_places
from windrow.classifiers.mix import voter_inputs
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.evaluation.balanced_sample import balanced_sample
from windrow.evaluation.field_suggestion import suggest_fields
from windrow.evaluation.metrics import confusion_matrix, scores
from windrow.experiments.recipes.classifier import mix

NUM = 20
PLACES = ("bavaria2018 L2A", "france2023 L2A", "kenya2019 L2A")
Rows = npt.NDArray[np.intp]


class Trial:
    """One split of a place, with the labels revealed so far.

    Args:
        fields: labelled fields of a place.
        encoder: the place network.
        num_trees: trees of each forest.
        draw: number of the draw.
        start: labelled fields per class to begin with.
    """

    def __init__(
        self, fields: Fields, encoder: PlaceEncoder, *, num_trees: int, draw: int, start: int
    ) -> None:
        self.fields, self.encoder, self.draw = fields, encoder, draw
        self.settings = mix().model_copy(update={"num_trees": num_trees})
        self.generator = np.random.default_rng([31, draw])
        order = self.generator.permutation(np.flatnonzero(fields.label >= 0))
        third = len(order) // 3
        self.asked, pool = order[:third], order[third:]
        begun = [
            row
            for position in range(len(fields.classes))
            for row in pool[fields.label[pool] == position][:start]
        ]
        self.begun: Rows = np.array(begun, dtype=np.intp)
        self.pool: Rows = np.setdiff1d(pool, self.begun)

    def fit(self, known: Rows) -> MixedClassifier | None:
        """Fits the classifier on revealed labels; None where they are of one class."""
        told: list[str | None] = [None] * len(self.fields.label)
        for row in known:
            told[row] = self.fields.classes[self.fields.label[row]]
        if len(set(told) - {None}) < 2:
            return None
        crops = {
            name: [crop for crop in found if crop in self.encoder.crop_names]
            for name, found in self.fields.crops.items()
            if name in told
        }
        classifier = MixedClassifier(self.encoder, self.settings, seed=self.draw)
        return classifier.fit(self.fields.series, told, crops={n: c for n, c in crops.items() if c})

    def probability(self, classifier: MixedClassifier, rows: Rows) -> npt.NDArray[np.float64]:
        """Computes the probabilities of all classes of the place, (n, C)."""
        found = np.zeros((len(rows), len(self.fields.classes)))
        columns = [self.fields.classes.index(name) for name in classifier.classes]
        found[:, columns] = classifier.classify_grid(classifier.fitted.grid.select(rows))[0]
        return found

    def score(self, chosen: Rows) -> tuple[float, float]:
        """Computes accuracy and macro F1 of the fields kept aside."""
        known = np.concatenate([self.begun, chosen])
        classifier = self.fit(known)
        if classifier is None:
            found = np.full(len(self.asked), self.fields.label[known[0]])
        else:
            found = self.probability(classifier, self.asked).argmax(axis=1)
        counts = confusion_matrix(
            self.fields.label[self.asked], found, num_classes=len(self.fields.classes)
        )
        figures = scores(counts)
        return float(figures.overall_accuracy), float(figures.macro_f1)

    def features(self) -> npt.NDArray[np.float64]:
        """Computes embeddings of all fields of the place, without new labels."""
        classifier = self.fit(self.begun) if len(self.begun) else None
        if classifier is None:
            crops = {name: [name] for name in self.encoder.crop_names}
            classifier = MixedClassifier(self.encoder, self.settings, seed=self.draw)
            classifier.fit(self.fields.series, [None] * len(self.fields.label), crops=crops)
        return classifier.embed(self.fields.series).astype(np.float64)

    def prior_probability(self) -> npt.NDArray[np.float64]:
        """Computes probabilities of all fields from the names of the crops alone."""
        crops = {
            name: [crop for crop in found if crop in self.encoder.crop_names]
            for name, found in self.fields.crops.items()
        }
        classifier = MixedClassifier(self.encoder, self.settings, seed=self.draw)
        classifier.fit(self.fields.series, [None] * len(self.fields.label), crops=crops)
        return classifier.predict_proba(self.fields.series)


def random_fields(trial: Trial) -> Rows:
    """Draws fields at random."""
    return trial.generator.choice(trial.pool, NUM, replace=False)


def random_forty(trial: Trial) -> Rows:
    """Draws twice as many fields at random."""
    return trial.generator.choice(trial.pool, 2 * NUM, replace=False)


def balanced_embedding(trial: Trial) -> Rows:
    """Draws a sample that is balanced over the embeddings."""
    return trial.pool[balanced_sample(trial.features()[trial.pool], NUM, seed=trial.draw)]


def balanced_indices(trial: Trial) -> Rows:
    """Draws a sample that is balanced over four indices of the ten-day grid."""
    crops = {name: [name] for name in trial.encoder.crop_names[:2]}
    blank = MixedClassifier(trial.encoder, trial.settings)
    blank.fit(trial.fields.series, [None] * len(trial.fields.label), crops=crops)
    grid = blank.fitted.grid
    values = voter_inputs("four_index_trees", grid, np.zeros((len(grid), 0), np.float32))
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-6)
    return trial.pool[balanced_sample(values[trial.pool], NUM, seed=trial.draw)]


def balanced_probability(trial: Trial) -> Rows:
    """Draws a sample that is balanced over the probabilities of known crops."""
    found = np.sqrt(trial.prior_probability())
    return trial.pool[balanced_sample(found[trial.pool], NUM, seed=trial.draw)]


def balanced_both(trial: Trial) -> Rows:
    """Draws a sample that is balanced over embeddings and probabilities, each of unit variance."""
    parts = [trial.features()[trial.pool], np.sqrt(trial.prior_probability())[trial.pool]]
    scaled = [(p - p.mean(axis=0)) / np.sqrt(p.var(axis=0).sum()) for p in parts]
    return trial.pool[balanced_sample(np.hstack(scaled), NUM, seed=trial.draw)]


def strata(trial: Trial) -> Rows:
    """Draws from the classes predicted by known crops, as many as is their share."""
    found = trial.prior_probability()[trial.pool].argmax(axis=1)
    shuffled = trial.generator.permutation(len(trial.pool))
    order = shuffled[np.argsort(found[shuffled], kind="stable")]
    first = trial.generator.random()
    steps = (np.arange(NUM) + first) * len(order) / NUM
    return trial.pool[order[steps.astype(np.intp)]]


def clusters(trial: Trial) -> Rows:
    """Chooses the fields nearest to the centres of k-means clusters."""
    return _centres(trial.features()[trial.pool], trial.pool, NUM, trial.draw)


def half_clusters(trial: Trial) -> Rows:
    """Chooses ten centres of clusters and ten fields of a balanced sample, as the command does."""
    found = suggest_fields(trial.features()[trial.pool], NUM, seed=trial.draw)
    return trial.pool[found.rows]


def one_a_cluster(trial: Trial) -> Rows:
    """Draws one field at random of each k-means cluster."""
    features = trial.features()[trial.pool]
    group = KMeans(NUM, n_init=2, random_state=trial.draw).fit_predict(features)
    return np.array([trial.generator.choice(trial.pool[group == k]) for k in range(NUM)])


def then_rare(trial: Trial) -> Rows:
    """Draws ten balanced fields, and ten more often of classes that seem rare."""
    return _two_rounds(trial, lambda p: 1 / p.mean(axis=0)[p.argmax(axis=1)])


def then_unsure(trial: Trial) -> Rows:
    """Draws ten balanced fields, and ten with a probability proportional to the entropy."""
    return _two_rounds(trial, lambda p: -(p * np.log(np.maximum(p, 1e-9))).sum(axis=1) + 0.1)


def _two_rounds(
    trial: Trial, weigh: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> Rows:
    features = trial.features()
    first = trial.pool[balanced_sample(features[trial.pool], NUM // 2, seed=trial.draw)]
    rest = np.setdiff1d(trial.pool, first)
    classifier = trial.fit(np.concatenate([trial.begun, first]))
    weight = np.ones(len(rest))
    if classifier is not None:
        weight = weigh(np.maximum(trial.probability(classifier, rest), 1e-3))
    drawn = trial.generator.choice(rest, NUM - len(first), replace=False, p=weight / weight.sum())
    return np.concatenate([first, drawn])


def _centres(features: npt.NDArray[np.float64], pool: Rows, num: int, seed: int) -> Rows:
    model = KMeans(num, n_init=2, random_state=seed).fit(features)
    away = ((features[:, None] - model.cluster_centers_) ** 2).sum(axis=-1)
    away = np.where(model.labels_[:, None] == np.arange(num), away, np.inf)
    return np.asarray(pool[away.argmin(axis=0)])


STRATEGIES: dict[str, Callable[[Trial], Rows]] = {
    "random": random_fields,
    "random, twice as many": random_forty,
    "balanced, embedding": balanced_embedding,
    "balanced, four indices": balanced_indices,
    "balanced, crop names": balanced_probability,
    "balanced, both": balanced_both,
    "strata of crop names": strata,
    "one of each cluster": one_a_cluster,
    "centres of clusters": clusters,
    "half centres, half balanced": half_clusters,
    "balanced, then rare": then_rare,
    "balanced, then unsure": then_unsure,
}


def main() -> None:
    """Prints a table for each place and beginning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--num-trees", type=int, default=60)
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    parser.add_argument("--start", type=int, nargs="*", default=[0, 1])
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder()
    for fields in real_places(options.data):
        if fields.name not in PLACES:
            continue
        for start in options.start:
            found: dict[str, list[tuple[float, float]]] = {}
            for name in options.strategies:
                for draw in range(options.draws):
                    trial = Trial(
                        fields, encoder, num_trees=options.num_trees, draw=draw, start=start
                    )
                    score = trial.score(STRATEGIES[name](trial))
                    found.setdefault(name, []).append(score)
                print(f"{fields.name}, {name}", file=sys.stderr, flush=True)
            _show(fields.name, start, found)


def _show(place: str, start: int, found: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{place}, {'from one a class' if start else 'from nothing'}")
    base = np.array(found[next(iter(found))])
    for name, rows in found.items():
        values = np.array(rows)
        mean = values.mean(axis=0)
        gain = values - base
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
        print(
            f"  {name:28} accuracy {mean[0]:.3f} ({gain[:, 0].mean():+.3f} +- {error[0]:.3f})"
            f"  macro F1 {mean[1]:.3f} ({gain[:, 1].mean():+.3f} +- {error[1]:.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
