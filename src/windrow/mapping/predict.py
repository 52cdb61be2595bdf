"""The layers of a map for the pixels of a block."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.data.map_folder import LayerName, MapLayer
from windrow.mapping.scene import BlockPixels

_PIXELS_A_CALL = 8_192
"""Pixels classified at a time. It changes memory use only."""

LayerValues = dict[LayerName, npt.NDArray[np.unsignedinteger]]
"""Stored numbers of each layer, (bands, P)."""


def block_layers(
    pixels: BlockPixels,
    classifier: MixedClassifier,
    layers: Mapping[LayerName, MapLayer],
) -> LayerValues:
    """Classifies the pixels of a block.

    A pixel's result depends on its own series and on the classifier alone.

    Args:
        pixels: P pixels, of which some have no clear date.
        classifier: the classifier, whose context is fixed.
        layers: the layers to compute.

    Returns:
        The stored numbers of each layer, (bands, P). Pixels without a clear date hold the layer's
        ``no_data``, except for their number of clear dates, 0.
    """
    found: LayerValues = {
        name: np.full(
            (layer.num_bands, len(pixels.seen)), layer.no_data, dtype=np.dtype(layer.dtype)
        )
        for name, layer in layers.items()
    }
    found["clear_dates"][0] = np.minimum(pixels.clear_dates, layers["clear_dates"].no_data - 1)
    at = np.flatnonzero(pixels.seen)
    for start in range(0, len(at), _PIXELS_A_CALL):
        part = slice(start, start + _PIXELS_A_CALL)
        probability, unlikeness = classifier.classify_grid(pixels.grid.select(part))
        rows = at[part]
        best = probability.argmax(axis=1)
        found["class"][0, rows] = best + 1
        found["probability"][0, rows] = _percent(probability[np.arange(len(best)), best])
        found["entropy"][0, rows] = _percent(relative_entropy(probability))
        if "probabilities" in layers:
            found["probabilities"][:, rows] = _percent(probability).T
        if unlikeness is not None:
            layer = layers["unlikeness"]
            stored = np.rint(unlikeness / layer.scale)
            found["unlikeness"][0, rows] = np.minimum(stored, layer.no_data - 1)
    return found


def relative_entropy(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Computes the entropy of class probabilities relative to equal ones.

    Args:
        probability: (N, C), rows sum to 1.

    Returns:
        (N,), 0 where one class is certain, 1 where all are alike.

    Example:
        >>> relative_entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    logarithm = np.log(np.where(probability > 0, probability, 1.0))
    entropy = -(probability * logarithm).sum(axis=1) / np.log(probability.shape[1])
    return np.asarray(np.clip(entropy, 0.0, 1.0) + 0.0)


def _percent(share: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.rint(100 * share).astype(np.uint8)
