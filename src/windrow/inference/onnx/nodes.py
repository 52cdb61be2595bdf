"""Nodes and constants of an ONNX graph, and weights rounded to 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError

Array = npt.NDArray[Any]

FUSED = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""

FUSED_OPERATORS = {"Attention", "QAttention", "DynamicQuantizeMatMul", "SkipLayerNormalization"}


def require_onnx() -> Any:
    """The package ``onnx``.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise SettingsError(
            "ONNX files need the package onnx", hint="install it: pip install 'windrow[onnx]'"
        ) from None
    return onnx


class OnnxNodes:
    """Nodes and constants under way; a node is named after its operator and its number."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._names: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: Array | np.generic | Sequence[int]) -> str:
        """Keeps an array under a name once; float64 becomes float32, lists become int64."""
        if name not in self._names:
            self._names.add(name)
            array = np.asarray(values)
            if array.dtype == np.float64:
                array = array.astype(np.float32)
            self.constants.append(self._onnx.numpy_helper.from_array(array.copy("C"), name))
        return name

    def node(
        self, operator: str, *inputs: str, outputs: Sequence[str] | None = None, **attributes: Any
    ) -> str:
        """Adds a node; returns the name of its first output."""
        names = list(outputs or [f"{operator}_{len(self.nodes)}"])
        domain = FUSED if operator in FUSED_OPERATORS else ""
        self.nodes.append(
            self._onnx.helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        )
        return names[0]

    def cast(self, value: str, kind: str) -> str:
        """A value as FLOAT, INT32 or INT64."""
        return self.node("Cast", value, to=getattr(self._onnx.TensorProto, kind))


ZERO_POINT = 128
"""The unsigned byte that stands for a weight of zero."""


def quantised(weight: Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """A weight (K, M) as unsigned bytes and a scale for each column, symmetric about 128.

    The bytes are unsigned since processors without VNNI instructions add pairs of products of
    unsigned and signed bytes in 16 bits, where they saturate.

    Example:
        >>> rounded, scale = quantised(np.array([[1.0, 0.0], [-0.5, 0.0]], dtype=np.float32))
        >>> rounded.tolist(), [round(float(s), 4) for s in scale]
        ([[255, 128], [64, 128]], [0.0079, 1.0])
    """
    largest = np.abs(weight).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
    return (np.rint(weight / scale) + ZERO_POINT).astype(np.uint8), scale
