"""A table of labels, the suspicious first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, load_place_encoder
from windrow.errors import SettingsError
from windrow.evaluation.cross_validation import cross_validate
from windrow.evaluation.label_screening import relative_confidence, suspects
from windrow.files import check_output
from windrow.pipelines.run.table_writer import (
    DECIMALS,
    OUTPUT_SUFFIXES,
    check_positions,
    write_result,
)
from windrow.pipelines.train import TrainSettings, crops_of_classes, groups_of, labels_of
from windrow.smoke_test import smoke_test_lines
from windrow.sources.open_any import LabelledInput


@dataclass(frozen=True)
class Screened:
    """What a screening gave.

    Attributes:
        lines: what was read.
        num_labels: number of labelled fields.
        num_suspects: number of fields whose label looks wrong.
        accuracy: share of labels that agree with the prediction, 0..1.
    """

    lines: tuple[str, ...]
    num_labels: int
    num_suspects: int
    accuracy: float


def screen(
    source: LabelledInput,
    settings: TrainSettings,
    *,
    out: str | Path,
    share: float,
    weights: str | Path = DEFAULT_WEIGHTS,
    group_column: str | None = None,
    use_prior: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Screened:
    """Writes the labelled fields of a place in the order of suspicion.

    Every field is classified by a classifier that was not fitted on it (cross-validation over
    fields). Probabilities of the series of a field are averaged.

    Args:
        source: the series of one place and their labels.
        settings: how classifiers are trained.
        out: the table, its format by its suffix; must not exist. The columns are ``field_id``,
            ``label``, ``predicted``, ``probability_of_label``, ``probability_of_predicted``,
            ``confidence`` (1 is the mean of the class; the lowest come first; empty where no
            other group has the class, so that nothing can be said) and ``suspect``.
        share: largest share of the labels to mark as suspects, above 0 and at most 1.
        weights: a run directory, a file, or the name of shipped weights.
        group_column: a column of the label table, such as a farm. No group stands on both sides of
            the cross-validation. None groups by field.
        use_prior: use what the network knows of the crops that a class names.
        on_progress: called with the folds done and wanted.

    Raises:
        SettingsError: the share is out of range.
        WindrowError: the input, its labels and the weights cannot be used together.
        OutputError: the table exists, is an input, or cannot be written.
    """
    if not 0 < share <= 1:
        raise SettingsError("--share is out of range", found=share, expected="above 0, at most 1")
    inputs = [path for path in (source.path, source.labels) if path is not None]
    check_output(out, inputs=inputs, suffixes=OUTPUT_SUFFIXES)
    encoder = load_place_encoder(weights)
    opened = source.open()
    series = opened.series
    check_positions(out, known=series.longitude is not None and series.latitude is not None)
    named = labels_of(opened)
    group, _ = groups_of(opened, group_column)
    found = cross_validate(
        lambda: MixedClassifier(encoder, settings.mix, seed=settings.seed),
        series,
        named.labels,
        crops=crops_of_classes(named, encoder) if use_prior else {},
        group=group,
        features=settings.features,
        seed=settings.seed,
        on_progress=on_progress,
    )
    rows = np.flatnonzero([name is not None for name in named.labels])
    own = series.field_id[rows]
    fields, first, position = np.unique(own, return_index=True, return_inverse=True)
    probability = _mean_by_field(found.probability, position)
    label, predicted = found.true[first], probability.argmax(axis=1)
    alone = _alone(label, group[rows][first], num_classes=len(found.classes))
    confidence = np.where(alone, np.inf, relative_confidence(probability, label))
    marked = suspects(confidence, label, predicted, share=share) & ~alone
    order = np.argsort(confidence, kind="stable")
    number, names = np.arange(len(fields)), np.array(found.classes)
    table = pa.table(
        {
            "field_id": pa.array(fields[order].tolist()),
            "label": pa.array(names[label][order].tolist()),
            "predicted": pa.array(names[predicted][order].tolist()),
            "probability_of_label": pa.array(probability[number, label][order]),
            "probability_of_predicted": pa.array(probability[number, predicted][order]),
            "confidence": pa.array(confidence[order], mask=alone[order]),
            "suspect": pa.array(marked[order].tolist()),
        }
    )
    at = rows[first][order]
    write_result(
        out,
        table,
        decimals=DECIMALS,
        longitude=None if series.longitude is None else series.longitude[at],
        latitude=None if series.latitude is None else series.latitude[at],
    )
    return Screened(
        lines=(
            *smoke_test_lines(encoder.smoke_test),
            *opened.summary.lines(),
            *named.lines(),
            *_alone_lines(int(alone.sum())),
        ),
        num_labels=len(fields),
        num_suspects=int(marked.sum()),
        accuracy=float((label == predicted).mean()),
    )


def _mean_by_field(
    probability: npt.NDArray[np.float64], field: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Averages the probabilities (N, C) of the series of each field."""
    total = np.zeros((int(field.max()) + 1, probability.shape[1]))
    np.add.at(total, field, probability)
    return np.asarray(total / np.bincount(field)[:, None])


def _alone(
    label: npt.NDArray[np.integer], group: npt.NDArray[np.generic], *, num_classes: int
) -> npt.NDArray[np.bool_]:
    """Marks the fields whose class no other group has: no classifier could have found it."""
    num_groups = [len(np.unique(group[label == each])) for each in range(num_classes)]
    return np.asarray(np.array(num_groups)[label] < 2)


def _alone_lines(number: int) -> tuple[str, ...]:
    if not number:
        return ()
    return (f"{number} labels cannot be judged: no other field or group is of their class",)
