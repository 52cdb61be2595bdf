"""Saving and reading a fitted crop classifier.

The classifier is a folder with ``head.json`` and ``arrays.safetensors``, without pickle. It holds
the context fields and the forests. It does not hold the weights of the network, but their hash,
and the reader refuses other weights.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from windrow.classifiers.classifier_header import (
    FORMAT,
    HEAD,
    ClassifierHeader,
    CoverHeader,
    Origin,
    read_header,
    unreadable,
)
from windrow.classifiers.covered_classifier import CoveredClassifier
from windrow.classifiers.expectation import Expectation
from windrow.classifiers.fitted_place import FittedPlace
from windrow.classifiers.land_covers import CROP, CoverExamples, LandCovers
from windrow.classifiers.mix import Voter
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.data.ten_day_grid import NUM_STEPS, TenDayGrid
from windrow.errors import DataError, WeightsError, WindrowError
from windrow.files import atomic_folder, write_json
from windrow.models.heads.trees import TreeHead
from windrow.sensors import SENTINEL2_BANDS, check_bands

ARRAYS = "arrays.safetensors"
_TREE_ARRAYS = ("root", "feature", "threshold", "left", "right", "value", "classes")


def write_classifier(
    path: str | Path,
    classifier: MixedClassifier,
    *,
    expectation: Expectation | None = None,
    origin: Origin | None = None,
) -> None:
    """Writes a fitted classifier as a folder. A failed write leaves no folder.

    Args:
        path: path of the new folder; nothing may exist there.
        classifier: the fitted classifier.
        expectation: figures of its cross-validation.
        origin: what it was fitted on.

    Raises:
        DataError: the classifier is not fitted.
        OutputError: the folder exists already or cannot be written.
    """
    fitted = classifier.fitted
    arrays: dict[str, npt.NDArray[Any]] = {
        "reflectance": fitted.grid.reflectance,
        "gap": fitted.grid.gap,
        "weight": fitted.weight,
        "label": fitted.label,
    }
    for voter, forest in classifier.forests.items():
        arrays.update({f"{voter}.{name}": getattr(forest, name) for name in _TREE_ARRAYS})
    covers = None
    if isinstance(classifier, CoveredClassifier):
        examples, forest = classifier.covers.examples, classifier.covers.forest
        covers = CoverHeader(
            names=examples.names, settings=examples.settings, num_features=forest.num_features
        )
        arrays["covers.reflectance"] = examples.grid.reflectance
        arrays["covers.gap"] = examples.grid.gap
        arrays["covers.label"] = examples.label
        arrays.update({f"covers.{name}": getattr(forest, name) for name in _TREE_ARRAYS})
    header = ClassifierHeader(
        format=FORMAT,
        version=3,
        weights_hash=classifier.encoder.content_hash,
        mix=classifier.settings,
        seed=classifier.seed,
        num_context=classifier.num_context,
        classes=classifier.classes,
        crops={name: tuple(crops) for name, crops in fitted.crops.items()},
        bands=fitted.bands,
        processing_level=fitted.level,
        season_start=fitted.season_start,
        latitude=fitted.latitude,
        num_labelled=fitted.num_labelled,
        num_features={voter: forest.num_features for voter, forest in classifier.forests.items()},
        land_covers=covers,
        expectation=expectation,
        class_shares=classifier.class_shares,
        origin=origin,
    )
    with atomic_folder(path) as temporary:
        save_file(
            {name: np.ascontiguousarray(values) for name, values in arrays.items()},
            temporary / ARRAYS,
        )
        write_json(temporary / HEAD, header.to_dict())


def read_expectation(path: str | Path) -> Expectation | None:
    """Reads the cross-validation figures of a saved classifier; None without any.

    Raises:
        DataError: the folder is not a classifier.
        SettingsError: its header is damaged.
    """
    return read_header(path).expectation


def read_classifier(path: str | Path, encoder: PlaceEncoder) -> MixedClassifier:
    """Reads a fitted classifier from its folder.

    Args:
        path: the folder.
        encoder: the network that the classifier was fitted with.

    Raises:
        DataError: the folder is not a classifier, or is damaged.
        WeightsError: the classifier was fitted with another network.
    """
    folder = Path(path)
    header = read_header(folder)
    try:
        with safe_open(folder / ARRAYS, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        raise unreadable(folder, error) from None
    if header.weights_hash != encoder.content_hash:
        raise WeightsError(
            "the classifier was fitted with other weights",
            where=path,
            found=f"weights {encoder.content_hash[:12]}",
            expected=f"weights {header.weights_hash[:12]}",
            hint="give the weights it was fitted with, or fit it again",
        )
    try:
        fitted = _fitted(header, arrays)
        forests = {
            voter: _forest(
                voter, arrays, header.num_features[voter], num_classes=len(fitted.classes)
            )
            for voter in get_args(Voter)
            if voter in header.num_features
        }
        return _classifier(header, arrays, encoder).restore(fitted, forests)
    except WindrowError as error:
        raise DataError(
            "the header of the classifier is damaged",
            where=folder / HEAD,
            found=error.what,
            hint="fit it again",
        ) from None
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(
            "the arrays of the classifier do not fit together",
            where=folder / ARRAYS,
            found=str(error)[:120],
            hint="fit it again",
        ) from None


def classifier_hash(path: str | Path) -> str:
    """Computes the SHA-256 of a saved classifier, 64 hexadecimal digits.

    Raises:
        DataError: it cannot be read.
    """
    digest = hashlib.sha256()
    for name in (HEAD, ARRAYS):
        try:
            digest.update((Path(path) / name).read_bytes())
        except OSError as error:
            raise unreadable(Path(path), error) from None
    return digest.hexdigest()


def _classifier(
    header: ClassifierHeader, arrays: dict[str, npt.NDArray[Any]], encoder: PlaceEncoder
) -> MixedClassifier:
    """Makes the classifier, its land covers restored, its place not."""
    seed, num_context = header.seed, header.num_context
    if header.land_covers is None:
        return MixedClassifier(encoder, header.mix, seed=seed, num_context=num_context)
    names, label = header.land_covers.names, arrays["covers.label"].astype(np.int64)
    reflectance, gap = arrays["covers.reflectance"], arrays["covers.gap"]
    shape = (len(label), NUM_STEPS)
    if reflectance.shape != (*shape, len(SENTINEL2_BANDS)) or gap.shape != shape:
        raise ValueError(f"shapes {reflectance.shape}, {gap.shape} and {label.shape}")
    if label.size and not (int(label.min()) >= CROP and int(label.max()) < len(names)):
        raise ValueError("a simulated field is no land cover")
    has_band = np.isin(SENTINEL2_BANDS, check_bands(header.bands))
    grid = TenDayGrid(reflectance.astype(np.float32), gap.astype(np.float32), has_band)
    examples = CoverExamples(names, grid, label, header.land_covers.settings)
    forest = _forest("covers", arrays, header.land_covers.num_features, num_classes=len(names) + 1)
    classifier = CoveredClassifier(
        encoder, header.mix, examples=examples, seed=seed, num_context=num_context
    )
    return classifier.restore_covers(LandCovers(examples, forest))


def _labelled_classes(header: ClassifierHeader) -> tuple[str, ...]:
    """Returns the classes before the land covers."""
    if header.land_covers is None:
        return header.classes
    num = len(header.classes) - len(header.land_covers.names)
    if num < 1 or header.classes[num:] != header.land_covers.names:
        raise ValueError("the land covers are not the last classes")
    return header.classes[:num]


def _fitted(header: ClassifierHeader, arrays: dict[str, npt.NDArray[Any]]) -> FittedPlace:
    reflectance, gap, label = arrays["reflectance"], arrays["gap"], arrays["label"]
    weight = arrays["weight"].astype(np.float32)
    if weight.shape != label.shape or not (weight > 0).all() or not (weight <= 1).all():
        raise ValueError("the weights of the fields lie outside of 0..1")
    shape = (len(label), NUM_STEPS)
    if reflectance.shape != (*shape, len(SENTINEL2_BANDS)) or gap.shape != shape:
        raise ValueError(f"shapes {reflectance.shape}, {gap.shape} and {label.shape}")
    classes = _labelled_classes(header)
    if label.size and not (int(label.min()) >= -1 and int(label.max()) < len(classes)):
        raise ValueError("a label is no class")
    has_band = np.isin(SENTINEL2_BANDS, check_bands(header.bands))
    return FittedPlace(
        classes=classes,
        bands=header.bands,
        level=header.processing_level,
        season_start=header.season_start,
        latitude=header.latitude,
        crops=header.crops,
        grid=TenDayGrid(reflectance.astype(np.float32), gap.astype(np.float32), has_band),
        label=label.astype(np.int64),
        weight=weight,
        num_labelled=header.num_labelled,
    )


def _forest(
    voter: str, arrays: dict[str, npt.NDArray[Any]], num_features: int, *, num_classes: int
) -> TreeHead:
    own = {name: arrays[f"{voter}.{name}"] for name in _TREE_ARRAYS}
    num_nodes = len(own["feature"])
    node = np.arange(num_nodes)
    children = np.stack([own["left"], own["right"]])
    inner = own["left"] >= 0
    if (
        any(len(own[name]) != num_nodes for name in ("threshold", "left", "right", "value"))
        or (children[:, inner] <= node[inner]).any()  # a child must follow its parent
        or (children >= num_nodes).any()
        or ((own["feature"] < 0) | (own["feature"] >= num_features)).any()
        or ((own["root"] < 0) | (own["root"] >= num_nodes)).any()
        or ((own["classes"] < 0) | (own["classes"] >= num_classes)).any()
        or not np.isfinite(own["value"]).all()
    ):
        raise ValueError(f"the trees of {voter} do not fit together")
    return TreeHead(**own, num_classes=num_classes, num_features=num_features)
