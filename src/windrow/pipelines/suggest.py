"""A table of the fields to visit next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.classifiers.saved_classifier import read_classifier
from windrow.data.series import Series
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import SettingsError
from windrow.evaluation.field_suggestion import Suggestion, check_number, suggest_fields
from windrow.files import check_output
from windrow.pipelines.classify import SERIES_A_CALL, context_of
from windrow.pipelines.run.table_writer import OUTPUT_SUFFIXES, check_positions, write_result
from windrow.pipelines.train import TrainSettings, crops_of_classes, labels_of
from windrow.sources.open_any import LabelledInput, Opened


@dataclass(frozen=True)
class Suggested:
    """What was suggested.

    Attributes:
        lines: what was read and left out.
        num_fields: number of suggested fields.
    """

    lines: tuple[str, ...]
    num_fields: int


@dataclass(frozen=True, eq=False)
class _Place:
    """A place with what is known of it.

    Attributes:
        classifier: gives embeddings; classes too if it has labels.
        labelled: (N,) True for series that have a label.
        lines: what is known.
    """

    classifier: MixedClassifier
    labelled: npt.NDArray[np.bool_]
    lines: tuple[str, ...]


def suggest(
    source: LabelledInput,
    settings: TrainSettings,
    *,
    out: str | Path,
    num: int,
    classifier: str | Path | None = None,
    weights: str | Path = DEFAULT_WEIGHTS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Suggested:
    """Writes the fields to visit next, the first one first.

    Args:
        source: the series of one place, and the labels that are known, if any.
        settings: how a classifier is fitted on the labels.
        out: the table, its format by its suffix; must not exist. The columns are ``order``,
            ``field_id``, ``reason``, ``fields_alike`` (for how many fields without a label it
            stands), ``inclusion_probability`` (empty for fields chosen on purpose), ``predicted``
            and ``probability`` (empty without labels).
        num: number of fields.
        classifier: a folder of :func:`windrow.pipelines.train.train`, in place of labels. Fields
            that it was fitted on are recognised by their values.
        weights: a run directory, a file, or the name of shipped weights.
        on_progress: called with the series done and their number.

    Raises:
        SettingsError: there are fewer fields without a label, or both labels and classifier.
        WindrowError: the input, its labels and the weights cannot be used together.
        OutputError: the table exists, is an input, or cannot be written.
    """
    if classifier is not None and source.labels is not None:
        raise SettingsError("give either --labels or --classifier, or none of them")
    if source.is_cube:
        raise SettingsError(
            "fields are suggested from a table or a store, not from an image cube",
            where=source.path,
            hint="average the parcels first: 'windrow ingest ... --average-parcels'",
        )
    inputs = [path for path in (source.path, source.labels, classifier) if path is not None]
    check_output(out, inputs=inputs, suffixes=OUTPUT_SUFFIXES)
    encoder = load_place_encoder(weights)
    if classifier is not None:
        fitted = read_classifier(classifier, encoder)
        opened = source.open()
        place = _place_of_classifier(fitted, opened.series)
    else:
        opened = source.open()
        place = _place_of_labels(opened, encoder, settings)
    series = opened.series
    has_position = series.longitude is not None and series.latitude is not None
    check_positions(out, known=has_position)
    fields, first, position = np.unique(series.field_id, return_index=True, return_inverse=True)
    known = np.bincount(position, weights=place.labelled) > 0
    open_fields = np.flatnonzero(~known)
    check_number(num, len(open_fields))
    embedding = _mean_by_field(_embed(place.classifier, series, on_progress), position)
    found = suggest_fields(embedding[open_fields], num, seed=settings.seed)
    chosen = open_fields[found.rows]
    table = _table(fields[chosen], found, _likely_classes(place, series, position, chosen))
    at = first[chosen]
    write_result(
        out,
        table,
        longitude=None if series.longitude is None else series.longitude[at],
        latitude=None if series.latitude is None else series.latitude[at],
    )
    line = f"fields: {int(known.sum())} with a label are left out, {len(open_fields)} without one"
    return Suggested((*opened.summary.lines(), *place.lines, line), num)


def _place_of_classifier(fitted: MixedClassifier, series: Series) -> _Place:
    """Adds the fields to the context, and recognises those that the classifier was fitted on."""
    known = fitted.fitted
    grid = grid_of_series(
        series.with_bands(known.bands),
        clear_below=fitted.encoder.header.clear_below,
        latitude=known.latitude,
    )
    seen = {row.tobytes() for row in known.grid.reflectance[known.label >= 0]}
    labelled = np.array([row.tobytes() in seen for row in grid.reflectance])
    line = f"classifier: {len(seen)} labelled series, {int(labelled.sum())} of them in the input"
    return _Place(fitted.with_context(context_of(series)), labelled, (line,))


def _place_of_labels(opened: Opened, encoder: PlaceEncoder, settings: TrainSettings) -> _Place:
    """Fits a classifier on the labels, or on none where they have fewer than two classes."""
    blank: list[str | None] = [None] * len(opened.series)
    classifier = MixedClassifier(encoder, settings.mix, seed=settings.seed)
    if opened.labels is None:
        every = {name: (name,) for name in encoder.crop_names}
        lines: tuple[str, ...] = ("labels: none; fields are chosen by their series alone",)
        return _Place(
            classifier.fit(opened.series, blank, crops=every), np.zeros(len(blank), bool), lines
        )
    named = labels_of(opened)
    labelled = np.array([label is not None for label in named.labels])
    if len(set(named.labels) - {None}) < 2:
        every = {name: (name,) for name in encoder.crop_names}
        lines = (*named.lines(), "labels: of one class; fields are chosen by their series alone")
        return _Place(classifier.fit(opened.series, blank, crops=every), labelled, lines)
    crops = crops_of_classes(named, encoder)
    return _Place(
        classifier.fit(opened.series, named.labels, crops=crops), labelled, tuple(named.lines())
    )


def _embed(
    classifier: MixedClassifier,
    series: Series,
    on_progress: Callable[[int, int], None] | None,
) -> npt.NDArray[np.float64]:
    """Embeds all series, (N, Z)."""
    parts = []
    for start in range(0, len(series), SERIES_A_CALL):
        part = series.select(slice(start, start + SERIES_A_CALL))
        parts.append(classifier.embed(part).astype(np.float64))
        if on_progress is not None:
            on_progress(min(start + SERIES_A_CALL, len(series)), len(series))
    return np.concatenate(parts)


def _mean_by_field(
    values: npt.NDArray[np.float64], position: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Averages the rows of each field, (F, D)."""
    total = np.zeros((int(position.max()) + 1, values.shape[1]))
    np.add.at(total, position, values)
    return np.asarray(total / np.bincount(position)[:, None])


def _likely_classes(
    place: _Place,
    series: Series,
    position: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.intp],
) -> list[tuple[str, float]] | None:
    """Classifies the chosen fields; None without labels."""
    if place.classifier.num_labelled == 0:
        return None
    rows = np.flatnonzero(np.isin(position, chosen))
    places = np.searchsorted(np.sort(chosen), position[rows])
    mean = _mean_by_field(place.classifier.predict_proba(series.select(rows)), places)
    mean = mean[np.searchsorted(np.sort(chosen), chosen)]
    best = mean.argmax(axis=1)
    return [
        (place.classifier.classes[column], float(row[column]))
        for column, row in zip(best, mean, strict=True)
    ]


def _table(
    fields: npt.NDArray[np.generic],
    found: Suggestion,
    likely: list[tuple[str, float]] | None,
) -> pa.Table:
    reasons = []
    for number in range(len(fields)):
        alike = f"{found.num_alike[number]} fields without a label are most like it"
        kind = (
            "typical of a group of fields that are alike"
            if found.typical[number]
            else "drawn at random, spread over all kinds of fields"
        )
        reason = f"{kind}; {alike}"
        if likely is not None:
            name, probability = likely[number]
            reason += f"; it looks like {name} ({probability:.0%})"
        reasons.append(reason)
    probability_of_draw = [
        None if typical else found.inclusion_probability for typical in found.typical
    ]
    return pa.table(
        {
            "order": pa.array(range(1, len(fields) + 1), type=pa.int64()),
            "field_id": pa.array(fields.tolist()),
            "reason": pa.array(reasons),
            "fields_alike": pa.array(found.num_alike),
            "inclusion_probability": pa.array(probability_of_draw, type=pa.float64()),
            "predicted": pa.array(
                [None] * len(fields) if likely is None else [name for name, _ in likely],
                type=pa.string(),
            ),
            "probability": pa.array(
                [None] * len(fields) if likely is None else [share for _, share in likely],
                type=pa.float64(),
            ),
        }
    )
