"""File format of all fitted heads: a folder with ``head.json`` and ``head.safetensors``.

The format has no pickle, and the reader trusts nothing in the folder. Settings are bounded and
typed. Every array is checked for shape, range and finiteness, and trees for cycles, before any
computation. Prediction needs numpy, and torch for sequence heads, but never scikit-learn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from windrow import sensors
from windrow.config import Settings
from windrow.data.legend import Legend
from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import ProcessingLevel
from windrow.errors import BandError, DataError, SettingsError, WeightsError
from windrow.files import atomic_folder
from windrow.json_values import JsonObject
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.linear import LinearHead
from windrow.models.heads.sequence import SequenceHead, SequenceSettings
from windrow.models.heads.trees import LEAF, TreeHead

FORMAT = "windrow head"
VERSION = 2
"""Version 2 calls the input ``representation`` that version 1 called ``windrow``, since that is
now the name of the crop classifier. Both are read."""
SEQUENCE_KINDS = ("lstm", "inception", "transformer")
LARGEST_JSON = 10_000_000
"""Largest size of ``head.json`` in bytes. A usual one has a few thousand."""

HeadKind = Literal[
    "logistic_regression", "extra_trees", "random_forest", "lstm", "inception", "transformer"
]
HeadSource = Literal["representation", "bands", "indices", "bands_and_indices"]
"""Input of a head: the representation, the bands, four indices, or bands with twelve indices."""


class Calibration(Settings):
    """Temperature scaling (Guo et al. 2017): logits are divided by the temperature."""

    temperature: float = Field(gt=0)


class HeadHeader(Settings):
    """Description of a fitted head and of its inputs.

    Attributes:
        format: ``windrow head``.
        version: version of the format.
        kind: kind of the model.
        settings: settings of the fit.
        legend: names and codes of the classes.
        input: kind of the inputs.
        pooling: pooling of the representation; null for sequences and raw features.
        calibration: calibration of the probabilities; null without one.
        encoder_hash: content hash of the encoder; null if ``input`` is not
            ``representation``.
        bands: names of the Sentinel-2 bands used, in order.
        processing_level: processing level of the training series.
        season_start: first day of the twelve months of the training series, as ``MM-DD``.
        features: settings of the raw features; null for other inputs.
        num_inputs: F for vectors, D for sequences.
        provenance: seed, number of fields per class and other origins.
    """

    format: Literal["windrow head"] = "windrow head"
    version: Literal[2] = 2
    kind: HeadKind
    settings: JsonObject
    legend: dict[str, list[str]]
    input: HeadSource
    pooling: Literal["mean", "month"] | None
    calibration: Calibration | None
    encoder_hash: str | None
    bands: tuple[str, ...]
    processing_level: ProcessingLevel
    season_start: str = CALENDAR_YEAR
    features: JsonObject | None
    num_inputs: int = Field(ge=1, le=10_000_000)
    provenance: JsonObject


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A fitted head and its description.

    Attributes:
        header: content of ``head.json``.
        model: the model that predicts.
    """

    header: HeadHeader
    model: LinearHead | TreeHead | SequenceHead

    @property
    def legend(self) -> Legend:
        """Legend of the probabilities."""
        return Legend.from_dict(self.header.legend)

    @property
    def sees_sequences(self) -> bool:
        """Whether the head takes sequences (N, T, D), not vectors (N, F)."""
        return self.header.kind in SEQUENCE_KINDS

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C), with calibration if the head has one.

        Raises:
            DataError: the inputs are of the wrong kind or width.
        """
        if (inputs.values.ndim == 3) != self.sees_sequences:
            raise DataError(
                f"a {self.header.kind} head sees "
                + ("sequences (N, T, D)" if self.sees_sequences else "vectors (N, F)"),
                found=inputs.values.shape,
            )
        if inputs.num_features != self.header.num_inputs:
            raise DataError(
                "the inputs do not fit the head",
                found=f"{inputs.num_features} values",
                expected=self.header.num_inputs,
            )
        probability = self.model.predict_probability(inputs)
        if self.header.calibration is None:
            return probability
        scaled = probability ** (1.0 / self.header.calibration.temperature)
        return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def save_head(folder: str | Path, head: FittedHead) -> None:
    """Writes a head's folder. Equal heads give equal bytes.

    Raises:
        OutputError: the folder exists and is not empty, or cannot be written.
    """
    data = save_tensors(_tensors_of(head.model))
    description = {**head.header.to_dict(), "tensors_sha256": hashlib.sha256(data).hexdigest()}
    with atomic_folder(folder) as temporary:
        (temporary / "head.safetensors").write_bytes(data)
        text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
        (temporary / "head.json").write_text(text + "\n", encoding="utf-8")


def load_head(folder: str | Path) -> FittedHead:
    """Reads and checks a head's folder.

    Raises:
        WeightsError: the folder is missing, incomplete, damaged or of another version, or holds
            values that no fitted head can hold.
    """
    head_folder = Path(folder)
    header, checksum = _read_header(head_folder)
    try:
        data = (head_folder / "head.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != checksum:
            raise WeightsError(
                "the head is damaged or cut short",
                where=head_folder / "head.safetensors",
                hint="fit it again",
            )
        tensors = load_tensors(data)
    except OSError as error:
        raise WeightsError("no such head", where=head_folder, found=error.strerror) from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            "the head's arrays cannot be read", where=head_folder, found=str(error)[:120]
        ) from error
    try:
        return FittedHead(header, _model_of(header, tensors))
    except (DataError, SettingsError) as error:
        raise WeightsError(error.what, where=head_folder, found=error.found) from error


def _read_header(head_folder: Path) -> tuple[HeadHeader, str]:
    path = head_folder / "head.json"
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise WeightsError("the head's description is too long", where=path)
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(
            "no such head",
            where=head_folder,
            found=error.strerror,
            expected="a folder with head.json and head.safetensors",
        ) from None
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            "the head's description cannot be read", where=path, found=str(error)[:120]
        ) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise WeightsError("this is no head of windrow", where=path)
    if values.get("version") == 1:
        values["version"] = VERSION
        if values.get("input") == "windrow":
            values["input"] = "representation"
    if values.get("version") != VERSION:
        raise WeightsError(
            "the head is of another version",
            where=path,
            found=values.get("version"),
            expected=VERSION,
            hint="fit it again with this version of windrow",
        )
    checksum = str(values.pop("tensors_sha256", ""))
    try:
        header = HeadHeader.from_dict(values, where=path)
        legend = Legend.from_dict(header.legend)
        sensors.check_bands(header.bands)
    except (SettingsError, DataError, BandError) as error:
        raise WeightsError(error.what, where=path, found=error.found) from error
    except (KeyError, TypeError) as error:
        raise WeightsError("the head's legend cannot be read", where=path) from error
    if len(legend) < 2:
        raise WeightsError("the head's legend has fewer than two classes", where=path)
    return header, checksum


def _tensors_of(model: LinearHead | TreeHead | SequenceHead) -> dict[str, npt.NDArray[Any]]:
    if isinstance(model, SequenceHead):
        body = model.settings
        if isinstance(body, InceptionSettings) and body.blocks == "plain_list":
            raise SettingsError(
                "a head whose blocks stand in a plain list cannot be saved: it does not know them",
                where="setting blocks",
                found=body.blocks,
                expected="registered",
            )
        state = model.state_dict()
        return {name: state[name].cpu().contiguous().numpy() for name in sorted(state)}
    if isinstance(model, LinearHead):
        names = ("mean", "scale", "weight", "bias", "classes")
        return {name: np.ascontiguousarray(getattr(model, name)) for name in names}
    integers = ("root", "feature", "left", "right")
    tensors = {name: getattr(model, name).astype(np.int32) for name in integers}
    return {
        **tensors,
        "threshold": np.ascontiguousarray(model.threshold),
        "value": np.ascontiguousarray(model.value),
        "classes": np.ascontiguousarray(model.classes),
    }


def _model_of(
    header: HeadHeader, tensors: Mapping[str, npt.NDArray[Any]]
) -> LinearHead | TreeHead | SequenceHead:
    if header.kind in SEQUENCE_KINDS:
        return _sequence_head(header, tensors)
    if header.kind == "logistic_regression":
        return _linear_head(header, tensors)
    return _tree_head(header, tensors)


def _sequence_head(header: HeadHeader, tensors: Mapping[str, npt.NDArray[Any]]) -> SequenceHead:
    model_settings = header.settings.get("model", {})
    try:
        settings = TypeAdapter[Any](SequenceSettings).validate_python(model_settings)
    except ValidationError as error:
        raise DataError("the head's settings do not fit", found=error.errors()[0]["msg"]) from error
    if settings.kind != header.kind:
        raise DataError("the head's settings are of another kind", found=settings.kind)
    num_classes = len(header.legend["names"])
    # The model is first built without memory: sizes in a hostile file must not be allocated before
    # the arrays are checked against them.
    with torch.device("meta"):
        expected = SequenceHead(header.num_inputs, num_classes, settings).state_dict()
    if expected.keys() != tensors.keys():
        odd = sorted(expected.keys() ^ tensors.keys())
        raise DataError(f"array {odd[0]!r} of the head is missing or unknown")
    for name, wanted in expected.items():
        kind = "i" if wanted.dtype == torch.int64 else "f"
        _check(tensors, name, kind, tuple(wanted.shape))
        if name.endswith("running_var") and (tensors[name] < 0).any():
            raise DataError(f"array {name!r} of the head is negative")
    if not (tensors["std"] > 0).all():
        raise DataError("array 'std' of the head is not positive")
    head = SequenceHead(header.num_inputs, num_classes, settings)
    head.load_state_dict({name: torch.from_numpy(np.array(tensors[name])) for name in expected})
    return head.eval()


def _linear_head(header: HeadHeader, tensors: Mapping[str, npt.NDArray[Any]]) -> LinearHead:
    classes = _classes(header, tensors)
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (header.num_inputs,),
        "scale": (header.num_inputs,),
        "weight": (len(classes), header.num_inputs),
        "bias": (len(classes),),
    }
    arrays = {
        name: _check(tensors, name, "f", shape).astype(np.float64) for name, shape in shapes.items()
    }
    if not (arrays["scale"] > 0).all():
        raise DataError("array 'scale' of the head is not positive")
    return LinearHead(**arrays, classes=classes, num_classes=len(header.legend["names"]))


def _tree_head(header: HeadHeader, tensors: Mapping[str, npt.NDArray[Any]]) -> TreeHead:
    classes = _classes(header, tensors)
    num_nodes = int(tensors["feature"].size) if "feature" in tensors else 0
    integers = {
        name: _check(tensors, name, "i", (num_nodes,)).astype(np.int64)
        for name in ("feature", "left", "right")
    }
    root = _check(tensors, "root", "i", (None,)).astype(np.int64)
    threshold = _check(tensors, "threshold", "f", (num_nodes,)).astype(np.float64)
    value = _check(tensors, "value", "f", (num_nodes, len(classes))).astype(np.float64)
    head = TreeHead(
        root=root,
        threshold=threshold,
        value=value,
        classes=classes,
        num_classes=len(header.legend["names"]),
        num_features=header.num_inputs,
        **integers,
    )
    _check_trees(head)
    return head


def _check_trees(head: TreeHead) -> None:
    """Refuses malformed trees. Each child must follow its parent, so that no path has a cycle."""
    num_nodes = len(head.feature)
    root = head.root
    if not len(root) or root[0] != 0 or (np.diff(root) <= 0).any() or root[-1] >= num_nodes:
        raise DataError("the head's trees do not begin one behind another")
    node = np.arange(num_nodes)
    end = np.append(root[1:], num_nodes)[np.searchsorted(root, node, side="right") - 1]
    leaf = head.left == LEAF
    if not np.array_equal(leaf, head.right == LEAF):
        raise DataError("a node of the head's trees has one child only")
    for child in (head.left, head.right):
        if (~leaf & ((child <= node) | (child >= end))).any():
            raise DataError("a node of the head's trees has a child before it or out of its tree")
    if (~leaf & ((head.feature < 0) | (head.feature >= head.num_features))).any():
        raise DataError("a node of the head's trees asks for an input that is not there")
    if (head.value < 0).any() or not np.allclose(head.value.sum(axis=1), 1.0, atol=1e-6):
        raise DataError("class shares of the head's trees do not sum to one")


def _classes(header: HeadHeader, tensors: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    classes = _check(tensors, "classes", "i", (None,)).astype(np.int64)
    increasing = len(classes) > 0 and classes[0] >= 0 and (np.diff(classes) > 0).all()
    if not increasing or classes[-1] >= len(header.legend["names"]):
        raise DataError("the head's classes are not in its legend")
    return classes


def _check(
    tensors: Mapping[str, npt.NDArray[Any]],
    name: str,
    kind: str,
    shape: tuple[int | None, ...],
) -> npt.NDArray[Any]:
    if name not in tensors:
        raise DataError(f"array {name!r} of the head is missing")
    values = tensors[name]
    fits = values.ndim == len(shape) and all(
        wanted is None or wanted == size for wanted, size in zip(shape, values.shape, strict=True)
    )
    if values.dtype.kind != kind or not fits:
        raise DataError(
            f"array {name!r} of the head has the wrong type or shape",
            found=f"{values.dtype} {values.shape}",
        )
    if kind == "f" and not np.isfinite(values).all():
        raise DataError(f"array {name!r} of the head is not finite")
    return values


assert set(SEQUENCE_KINDS) < set(get_args(HeadKind))
