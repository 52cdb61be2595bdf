"""Cross-validation of a crop classifier over fields, beside plain methods on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.classifiers.expectation import ClassScore, Expectation, Score
from windrow.classifiers.features import FeatureSettings, band_features
from windrow.classifiers.mix import Voter
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.calibration import expected_calibration_error
from windrow.evaluation.conformal import conformal_threshold
from windrow.evaluation.metrics import confusion_matrix, scores
from windrow.models.heads.inputs import HeadInputs

MAX_FOLDS = 5
COVERAGE = 0.9
BASELINES: dict[Voter, str] = {
    "four_index_trees": "extra trees on four indices",
    "band_index_trees": "extra trees on bands and twelve indices",
}
"""Voters of the classifier that are plain methods by themselves."""

BAND_TREES = "extra trees on bands"
COMMONEST = "the commonest class"


def assign_folds(
    label: npt.NDArray[np.integer], group: npt.NDArray[np.generic], *, seed: int
) -> npt.NDArray[np.intp]:
    """Returns a fold for each series, so that no group stands in two and classes are spread evenly.

    There are as many folds as the rarest class has groups, at least 2 and at most 5.

    Args:
        label: (N,) class of each series.
        group: (N,) group of each series, such as its field, farm or block.
        seed: of the order in which groups are dealt out.

    Returns:
        (N,) folds, from 0.

    Raises:
        DataError: all series are of one group.

    Example:
        >>> assign_folds(np.array([0, 0, 1, 1]), np.array([1, 2, 3, 4]), seed=0).tolist()
        [0, 1, 0, 1]
    """
    groups, position = np.unique(group, return_inverse=True)
    if len(groups) < 2:
        raise DataError(
            "all labelled fields are of one group",
            hint="give --group-column a column with more groups",
        )
    counts = np.zeros((len(groups), int(label.max()) + 1), dtype=np.int64)
    np.add.at(counts, (position, label), 1)
    rarest = min(int((column > 0).sum()) for column in counts.T if column.any())
    num_folds = int(np.clip(rarest, 2, min(MAX_FOLDS, len(groups))))
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(counts[order].argmax(axis=1), kind="stable")]
    fold_of_group = np.empty(len(groups), dtype=np.intp)
    fold_of_group[order] = np.arange(len(groups)) % num_folds
    return fold_of_group[position]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Predictions for every labelled series by a classifier that was not fitted on it.

    Attributes:
        classes: C names.
        true: (N,) classes.
        fold: (N,) folds.
        probability: (N, C).
        baselines: (N,) predicted classes of plain methods, by name.
    """

    classes: tuple[str, ...]
    true: npt.NDArray[np.int64]
    fold: npt.NDArray[np.intp]
    probability: npt.NDArray[np.float64]
    baselines: Mapping[str, npt.NDArray[np.int64]]


def cross_validate(
    make: Callable[[], MixedClassifier],
    series: Series,
    labels: Sequence[str | None],
    *,
    crops: Mapping[str, Sequence[str]],
    group: npt.NDArray[np.generic],
    features: FeatureSettings,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Fits the classifier once per fold, on the labels of the other folds.

    The series of the fold itself stay in view without their labels, as the fields of a place do
    when a map is made.

    Args:
        make: returns a new classifier that is not fitted.
        series: N series of the place.
        labels: N classes; None where a series has none.
        crops: crops of the table in a class, for the prior.
        group: (N,) group of each series, never on both sides.
        features: how bands are put on a grid for the trees on bands.
        seed: of the folds and of the trees.
        on_progress: called with the folds done and wanted.

    Raises:
        DataError: there are fewer than two classes or groups, or a fold leaves one class alone.
    """
    known = np.array([name is not None for name in labels])
    classes = tuple(sorted({name for name in labels if name is not None}))
    if len(classes) < 2:
        raise DataError("fewer than two classes are labelled", found=", ".join(classes) or "none")
    rows = np.flatnonzero(known)
    true = np.array([classes.index(str(labels[int(row)])) for row in rows], dtype=np.int64)
    fold = assign_folds(true, group[rows], seed=seed)
    num_folds = int(fold.max()) + 1
    names_of_columns = list(classes)
    probability = np.zeros((len(rows), len(classes)))
    names = [*BASELINES.values(), BAND_TREES, COMMONEST]
    baselines = {name: np.full(len(rows), -1, dtype=np.int64) for name in names}
    bands = band_features(series.select(rows), features).values
    for number in range(num_folds):
        held, fitted = fold == number, fold != number
        shown = list(labels)
        for row in rows[held].tolist():
            shown[row] = None
        if len({name for name in shown if name is not None}) < 2:
            raise DataError(
                "all labelled fields outside of a group are of one class",
                hint="give --group-column groups that hold several classes",
            )
        classifier = make().fit(series, shown, crops=_present(crops, shown))
        new = [name for name in classifier.classes if name not in names_of_columns]
        names_of_columns += new  # land covers, which no label names
        probability = np.pad(probability, ((0, 0), (0, len(new))))
        columns = np.array([names_of_columns.index(name) for name in classifier.classes])
        own = series.select(rows[held])
        probability[np.ix_(np.flatnonzero(held), columns)] = classifier.predict_proba(own)
        votes = classifier.votes(own)
        for voter, name in BASELINES.items():
            if voter in votes:
                baselines[name][held] = columns[votes[voter].argmax(axis=1)]
        baselines[BAND_TREES][held] = _band_trees(
            bands[fitted], true[fitted], bands[held], num_classes=len(classes), seed=seed
        )
        baselines[COMMONEST][held] = np.bincount(true[fitted]).argmax()
        if on_progress is not None:
            on_progress(number + 1, num_folds)
    return CrossValidation(
        tuple(names_of_columns),
        true,
        fold,
        probability,
        {n: p for n, p in baselines.items() if (p >= 0).all()},
    )


def expectation(
    found: CrossValidation, *, field: npt.NDArray[np.generic], grouped_by: str
) -> Expectation:
    """Returns the figures of a cross-validation; each field counts once, by its first series.

    Args:
        found: the predictions.
        field: (N,) field of each labelled series.
        grouped_by: name of the column of groups.
    """
    _, first = np.unique(field, return_index=True)
    true, probability = found.true[first], found.probability[first]
    counts = confusion_matrix(true, probability.argmax(axis=1), num_classes=len(found.classes))
    return Expectation(
        num_fields=len(first),
        num_folds=int(found.fold.max()) + 1,
        grouped_by=grouped_by,
        windrow=_score(counts),
        classes={
            name: ClassScore(num_fields=int(counts[row].sum()), f1=float(f1))
            for row, (name, f1) in enumerate(
                zip(found.classes, scores(counts).per_class_f1, strict=True)
            )
            if counts[row].any()
        },
        baselines={
            name: _score(confusion_matrix(true, predicted[first], num_classes=len(found.classes)))
            for name, predicted in found.baselines.items()
        },
        calibration_error=expected_calibration_error(probability, true),
        coverage=COVERAGE,
        threshold=conformal_threshold(probability, true, coverage=COVERAGE),
        lost_to_land_covers=float(counts[:, ~counts.any(axis=1)].sum() / len(first)),
    )


def _score(counts: npt.NDArray[np.int64]) -> Score:
    found = scores(counts)
    return Score(
        overall_accuracy=found.overall_accuracy, macro_f1=float(np.nanmean(found.per_class_f1))
    )


def _present(
    crops: Mapping[str, Sequence[str]], labels: Sequence[str | None]
) -> dict[str, Sequence[str]]:
    """Returns the crops of classes that still have a label."""
    present = set(labels)
    return {name: named for name, named in crops.items() if name in present}


def _band_trees(
    fitted: npt.NDArray[np.floating],
    true: npt.NDArray[np.int64],
    held: npt.NDArray[np.floating],
    *,
    num_classes: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Classes that extra trees on the bands predict for the fold."""
    model = fit_light_head(
        fitted,
        true,
        num_classes=num_classes,
        settings=TreesSettings(kind="extra_trees", num_trees=300, min_rows_a_leaf=1),
        seed=seed,
    ).to_model()
    found = model.predict_probability(HeadInputs(held))
    return np.asarray(found.argmax(axis=1), dtype=np.int64)
