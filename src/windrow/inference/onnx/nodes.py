"""Nodes and constants of an ONNX graph, and the rounding of weights to 8 bits."""

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
    """Imports the package ``onnx``.

    Raises:
        SettingsError: the package is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise SettingsError(
            "ONNX files need the package onnx", hint="install it: pip install 'windrow[onnx]'"
        ) from None
    return onnx


class OnnxNodes:
    """Collects the nodes and constants of a graph. A node's name is its operator and number.

    Attributes:
        nodes: the nodes so far, in order.
        constants: the constants so far.
    """

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._names: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: Array | np.generic | Sequence[int]) -> str:
        """Adds an array under a name, unless the name exists, and gives the name.

        Float64 becomes float32, and lists become int64.
        """
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
        """Adds a node and gives the name of its first output."""
        names = list(outputs or [f"{operator}_{len(self.nodes)}"])
        domain = FUSED if operator in FUSED_OPERATORS else ""
        self.nodes.append(
            self._onnx.helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        )
        return names[0]

    def cast(self, value: str, kind: str) -> str:
        """Adds a conversion to FLOAT, INT32 or INT64 and gives the name of its output."""
        return self.node("Cast", value, to=getattr(self._onnx.TensorProto, kind))


ZERO_POINT = 128
"""Unsigned byte that represents a weight of zero."""


def quantised(weight: Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Rounds a weight matrix to unsigned bytes, symmetric about 128, with one scale per column.

    The bytes are unsigned because processors without VNNI instructions add pairs of products of
    unsigned and signed bytes in 16 bits, where the sums saturate.

    Args:
        weight: (K, M) float32.

    Returns:
        The bytes (K, M) and the scale of each column (M,).

    Example:
        >>> rounded, scale = quantised(np.array([[1.0, 0.0], [-0.5, 0.0]], dtype=np.float32))
        >>> rounded.tolist(), [round(float(s), 4) for s in scale]
        ([[255, 128], [64, 128]], [0.0079, 1.0])
    """
    largest = np.abs(weight).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
    return (np.rint(weight / scale) + ZERO_POINT).astype(np.uint8), scale
