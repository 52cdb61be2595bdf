"""A crop classifier of one place from its labelled fields, and what to expect of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow.classifiers.classifier_header import Origin
from windrow.classifiers.covered_classifier import CoveredClassifier
from windrow.classifiers.crop_codes import NamedCodes, name_codes
from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.expectation import Expectation
from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.mix import MixSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.classifiers.saved_classifier import write_classifier
from windrow.config import Settings
from windrow.errors import DataError
from windrow.evaluation.cross_validation import cross_validate, expectation
from windrow.files import check_output
from windrow.pipelines.land_covers import LandCoverSettings, SimulatedCovers, simulate_covers
from windrow.smoke_test import smoke_test_lines
from windrow.sources.open_any import LabelledInput, Opened


class TrainSettings(Settings):
    """How a classifier is trained.

    Attributes:
        mix: how voters are mixed.
        features: the grid of the plain trees on bands.
        land_covers: land covers that are added to the classes; None adds none.
        seed: of the folds and of the trees.
    """

    mix: MixSettings
    features: FeatureSettings
    land_covers: LandCoverSettings | None = None
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Attributes:
        lines: what was read, which crops of the table each class names.
        expectation: figures of the cross-validation.
    """

    lines: tuple[str, ...]
    expectation: Expectation


def train(
    source: LabelledInput,
    settings: TrainSettings,
    *,
    out: str | Path,
    weights: str | Path = DEFAULT_WEIGHTS,
    group_column: str | None = None,
    use_prior: bool = True,
    simulated: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Trained:
    """Fits a crop classifier on all labels of an input and writes it as a folder.

    Args:
        source: the series of one place and their labels.
        settings: see :class:`TrainSettings`.
        out: the folder to write; must not exist.
        weights: a run directory, a file, or the name of shipped weights.
        group_column: a column of the label table, such as a farm or a block; a group never stands
            on both sides of the cross-validation.
        use_prior: take what the network knows of the crops that a class names.
        simulated: the fields are simulated, although the input, such as a field table, does not
            record it.
        on_progress: called with the folds done and wanted.

    Raises:
        WindrowError: the input, its labels and the weights cannot be used together.
        OutputError: the folder exists or cannot be written.
    """
    inputs = [path for path in (source.path, source.labels) if path is not None]
    check_output(out, inputs=inputs)
    encoder = load_place_encoder(weights)
    opened = source.open()
    named = labels_of(opened)
    labels = named.labels
    crops = crops_of_classes(named, encoder) if use_prior else {}
    group, grouped_by = groups_of(opened, group_column)

    covers = SimulatedCovers(None, "land covers: none are added")
    if settings.land_covers is not None:
        covers = simulate_covers(
            opened.series,
            labels,
            crops,
            encoder=encoder,
            settings=settings.land_covers,
            seed=settings.seed,
        )

    def make() -> MixedClassifier:
        if covers.examples is None:
            return MixedClassifier(encoder, settings.mix, seed=settings.seed)
        return CoveredClassifier(
            encoder, settings.mix, examples=covers.examples, seed=settings.seed
        )

    found = cross_validate(
        make,
        opened.series,
        labels,
        crops=crops,
        group=group,
        features=settings.features,
        seed=settings.seed,
        on_progress=on_progress,
    )
    labelled = np.array([name is not None for name in labels])
    expected = expectation(found, field=opened.series.field_id[labelled], grouped_by=grouped_by)
    classifier = make().fit(opened.series, labels, crops=crops)
    read = (*opened.summary.lines(), *named.lines(), covers.line)
    origin = Origin(
        read=(source.path.name, *read[1:]),  # equal inputs give equal bytes in any folder
        simulated=simulated or opened.series.simulated,
        smoke_test=encoder.smoke_test,
    )
    write_classifier(out, classifier, expectation=expected, origin=origin)
    crop_lines = _crop_lines(classifier.fitted.classes, crops)
    return Trained((*smoke_test_lines(encoder.smoke_test), *read, *crop_lines), expected)


def labels_of(opened: Opened) -> NamedCodes:
    """Returns the class of each series of an input; None where it has none.

    Codes of EuroCrops and WorldCereal become the names of their legend.

    Raises:
        DataError: no series has a class.
    """
    if opened.labels is None:
        raise DataError("training needs labels", hint="give --labels and --label-column")
    labels = [str(name) or None for name in opened.labels.label]
    if not any(labels):
        raise DataError("no series has a label", where=opened.labels.source)
    return name_codes(labels)


def crops_of_classes(named: NamedCodes, encoder: PlaceEncoder) -> dict[str, tuple[str, ...]]:
    """Crops of the network's table by class; a class whose name is not known is left out."""
    names = sorted({name for name in named.labels if name is not None})
    found = {
        name: tuple(crop for crop in named.crops[name] if crop in encoder.crop_names)
        if name in named.crops
        else crops_of_class(name, encoder.crop_names)
        for name in names
    }
    return {name: crops for name, crops in found.items() if crops}


def _crop_lines(classes: Sequence[str], crops: Mapping[str, Sequence[str]]) -> list[str]:
    lines = [
        f"class {name}: prior of {', '.join(crops[name])}" for name in classes if name in crops
    ]
    unknown = [name for name in classes if name not in crops]
    return lines + [f"class {name}: from its labels alone" for name in unknown]


def groups_of(opened: Opened, column: str | None) -> tuple[npt.NDArray[np.generic], str]:
    """Returns the group of each series for the cross-validation, and the name of its column.

    Args:
        opened: an input with labels.
        column: a column of the label table; None groups by field.

    Raises:
        DataError: there is no such column, or a labelled series has no value in it.
    """
    if column is None:
        return opened.series.field_id, "field_id"
    assert opened.labels is not None
    return opened.labels.groups(column), column
