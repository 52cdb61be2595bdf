"""Classes of fields by a trained classifier, or by the names of crops alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.classifiers.class_shares import shift_shares
from windrow.classifiers.mix import MixSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, load_place_encoder
from windrow.classifiers.saved_classifier import read_classifier, read_expectation
from windrow.data.series import Series
from windrow.errors import DataError, SettingsError
from windrow.evaluation.conformal import prediction_sets
from windrow.files import check_output
from windrow.pipelines.assumed_crops import CropsAt, assumed_crops
from windrow.pipelines.run.table_writer import (
    DECIMALS,
    OUTPUT_SUFFIXES,
    check_positions,
    write_result,
)
from windrow.smoke_test import smoke_test_lines
from windrow.sources.open_any import open_input
from windrow.sources.reader import TableOptions

SERIES_A_CALL = 2_048

CONTEXT_SERIES = 2_048
"""Largest number of classified series that the classifier also takes as context of the place."""


@dataclass(frozen=True)
class Classified:
    """What a classification gave.

    Attributes:
        lines: what was read and by what it was classified.
        counts: number of series of each predicted class, by name.
    """

    lines: tuple[str, ...]
    counts: dict[str, int]


def classify(
    source: Path,
    *,
    out: str | Path,
    classifier: str | Path | None = None,
    crops: Sequence[str] | CropsAt = (),
    mix: MixSettings | None = None,
    table: TableOptions | None = None,
    weights: str | Path = DEFAULT_WEIGHTS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Classified:
    """Writes class, probabilities and prediction set of every series of an input.

    Args:
        source: a series store, or a field table.
        out: the table, its format by its suffix; must not exist. The columns are ``id``, ``class``,
            ``probability`` of the class, ``prediction_set`` (classes joined by ``|``; empty
            without cross-validation), ``unlikeness`` (empty without labels; 1 is as far from the
            nearest prototype as the farthest tenth of the labelled fields), and
            ``probability CLASS`` for each class.
        classifier: a folder of :func:`windrow.pipelines.train.train`.
        crops: names of crops, in place of a classifier, or a place whose likely crops are assumed;
            every crop is a class, and the series themselves are the context. No label is used.
        mix: how voters are mixed, with ``crops``.
        table: what is not to be detected of a field table.
        weights: a run directory, a file, or the name of shipped weights.
        on_progress: called with the series done and their number.

    Raises:
        SettingsError: neither or both of classifier and crops are given, or a crop is unknown.
        WindrowError: the input and the classifier cannot be used together.
        OutputError: the table exists, is an input, or has another suffix.
    """
    if (classifier is None) == (not crops):
        raise SettingsError("give one of --classifier, --crops and --crops-at")
    inputs = [path for path in (source, classifier) if path is not None]
    check_output(out, inputs=inputs, suffixes=OUTPUT_SUFFIXES)
    encoder = load_place_encoder(weights)
    threshold = None
    if classifier is not None:
        fitted = read_classifier(classifier, encoder)
        expected = read_expectation(classifier)
        threshold = None if expected is None else expected.threshold
        opened = open_input(source, table)
        fitted = fitted.with_context(context_of(opened.series))
        assumed: tuple[str, ...] = ()
        shares = fitted.class_shares
        line = f"classifier: {len(fitted.classes)} classes, {fitted.num_labelled:g} labelled fields"
        line += " per class (median)"
    elif mix is None:
        raise SettingsError("classifying by crops needs the settings of the mix")
    else:
        opened = open_input(source, table)
        found = assumed_crops(crops, encoder, opened.series)
        assumed = found.lines
        fitted = MixedClassifier(encoder, mix).fit(
            opened.series, [None] * len(opened.series), crops=found.crops
        )
        shares = found.shares or fitted.class_shares
        line = "classifier: no label was used, so 'prediction_set' and 'unlikeness' stay empty"
        line += "; classes follow from simulated places alone"
    lines = (*smoke_test_lines(encoder.smoke_test), *opened.summary.lines())
    return Classified(
        (*lines, line, *assumed, _share_line(shares)),
        _write(
            out, opened.series, fitted, shares=shares, threshold=threshold, on_progress=on_progress
        ),
    )


def context_of(series: Series) -> Series:
    """Selects the series that show the place to the classifier, spread evenly over the input."""
    num_chosen = min(len(series), CONTEXT_SERIES)
    return series.select(np.linspace(0, len(series) - 1, num_chosen).astype(np.intp))


def _share_line(shares: Mapping[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    found = ", ".join(f"{name} {share:.0%}" for name, share in ordered)
    return f"class shares that probabilities are set to: {found}"


def _write(
    out: str | Path,
    series: Series,
    classifier: MixedClassifier,
    *,
    shares: Mapping[str, float],
    threshold: float | None,
    on_progress: Callable[[int, int], None] | None,
) -> dict[str, int]:
    check_positions(out, known=series.longitude is not None and series.latitude is not None)
    probability, unlikeness = _predict(series, classifier, on_progress)
    if shares != classifier.class_shares:
        before = np.array([classifier.class_shares[name] for name in classifier.classes])
        after = np.array([shares[name] for name in classifier.classes])
        probability = shift_shares(probability, before, after)
    best = probability.argmax(axis=1)
    names = np.array(classifier.classes)
    sets = None if threshold is None else prediction_sets(probability, threshold)
    columns: dict[str, pa.Array] = {
        "id": pa.array(series.id.tolist()),
        "class": pa.array(names[best].tolist()),
        "probability": pa.array(probability[np.arange(len(best)), best]),
        "prediction_set": pa.array(
            [None] * len(best) if sets is None else ["|".join(names[row]) for row in sets],
            type=pa.string(),
        ),
        "unlikeness": pa.nulls(len(best), pa.float64())
        if unlikeness is None
        else pa.array(unlikeness),
    }
    for column, name in enumerate(classifier.classes):
        columns[f"probability {name}"] = pa.array(np.ascontiguousarray(probability[:, column]))
    write_result(
        out,
        pa.table(columns),
        longitude=series.longitude,
        latitude=series.latitude,
        decimals=DECIMALS,
    )
    return {str(name): int((best == row).sum()) for row, name in enumerate(classifier.classes)}


def _predict(
    series: Series,
    classifier: MixedClassifier,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    probability, unlikeness = [], []
    has_labels = classifier.num_labelled > 0
    for start in range(0, len(series), SERIES_A_CALL):
        part = series.select(slice(start, start + SERIES_A_CALL))
        probability.append(classifier.predict_proba(part))
        if has_labels:
            unlikeness.append(classifier.unlikeness(part))
        if on_progress is not None:
            on_progress(min(start + SERIES_A_CALL, len(series)), len(series))
    if not probability:
        raise DataError("there is no series to classify")
    return np.concatenate(probability), np.concatenate(unlikeness) if unlikeness else None
