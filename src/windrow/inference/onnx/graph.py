"""Export of an encoder to one ONNX file with normaliser, encoder, pooling and metadata.

The graph is written node by node. This keeps it readable and lets it use the fused operators of
ONNX Runtime (domain ``com.microsoft``: attention, residual and norm, 8-bit products). The file
therefore runs in ONNX Runtime only. The inputs are arrays of a series store. The outputs are the
representation of every date and its two poolings, as in :mod:`windrow.inference.frozen_encoder`.

With ``int8`` the weights of all matrix products inside the blocks are rounded symmetrically to 8
bits, with one scale per output channel. Their inputs are rounded at run time with one scale per
tensor (dynamic quantisation). The patch embedding, norms, attention weights and residuals stay
in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from windrow import sensors
from windrow.data.day_of_year import MAX_DAYS, MONTH_OF_DAY
from windrow.files import atomic_file
from windrow.inference.onnx.nodes import (
    FUSED,
    ZERO_POINT,
    Array,
    OnnxNodes,
    quantised,
    require_onnx,
)
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import WeightsHeader

OnnxPrecision = Literal["float32", "int8"]

FORMAT = "windrow onnx encoder"
VERSION = 1
OPSET = 20
IR_VERSION = 10
NORM_EPSILON = 1e-5
"""Epsilon of torch's LayerNorm, which the encoder uses."""


def write_onnx(
    path: str | Path,
    encoder: Encoder,
    *,
    header: WeightsHeader,
    content_hash: str,
    precision: OnnxPrecision,
) -> None:
    """Writes an encoder as an ONNX file. A failed write leaves no file.

    Args:
        path: path of the new file.
        encoder: the encoder, with its tensors and settings.
        header: header of its weights.
        content_hash: hash of its weights; see :func:`windrow.models.weights.encoder_hash`.
        precision: precision of the matrix products inside the blocks.

    Raises:
        SettingsError: the package onnx is not installed.
        OutputError: the file cannot be written.
    """
    content = onnx_bytes(encoder, header=header, content_hash=content_hash, precision=precision)
    with atomic_file(path) as temporary:
        Path(temporary).write_bytes(content)


def onnx_bytes(
    encoder: Encoder, *, header: WeightsHeader, content_hash: str, precision: OnnxPrecision
) -> bytes:
    """Builds the bytes of an encoder's ONNX file.

    The inputs for N series, T dates and B bands are ``reflectance`` (N, T, B) int16 x 10,000,
    ``day_of_year`` (N, T) int16, ``valid`` (N, T) bool and ``year`` (N,) int16. Encoders that
    accept missing bands also take ``present`` (B,) bool. The outputs are ``z`` (N, T, D) float32,
    zero at invalid dates, ``mean`` (N, D) and ``month`` (N, 12, D). The metadata are ``format``,
    ``version``, ``precision``, ``content_hash`` and ``windrow``, the header of the weights.

    Args:
        encoder: the encoder, with its tensors and settings.
        header: bands, normalisation and provenance of its weights.
        content_hash: hash of its weights; see :func:`windrow.models.weights.encoder_hash`.
        precision: precision of the matrix products inside the blocks.

    Returns:
        The file's bytes.

    Raises:
        SettingsError: the package onnx is not installed.
    """
    onnx = require_onnx()
    graph = OnnxNodes(onnx)
    tensors = {name: values.numpy(force=True) for name, values in encoder.state_dict().items()}
    _write_encoder(graph, encoder, tensors, header, precision)
    width, kind = encoder.settings.width, onnx.TensorProto
    shapes: dict[str, tuple[int, tuple[str | int, ...]]] = {
        "reflectance": (kind.INT16, ("series", "date", len(header.bands))),
        "day_of_year": (kind.INT16, ("series", "date")),
        "valid": (kind.BOOL, ("series", "date")),
        "year": (kind.INT16, ("series",)),
        "z": (kind.FLOAT, ("series", "date", width)),
        "mean": (kind.FLOAT, ("series", width)),
        "month": (kind.FLOAT, ("series", 12, width)),
    }
    if encoder.settings.missing_bands:
        shapes["present"] = (kind.BOOL, ("band",))
    values = [
        onnx.helper.make_tensor_value_info(name, type_, list(shape))
        for name, (type_, shape) in shapes.items()
    ]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes, "windrow", [*values[:4], *values[7:]], values[4:7], graph.constants
        ),
        opset_imports=[
            onnx.helper.make_opsetid("", OPSET),
            onnx.helper.make_opsetid(FUSED, 1),
        ],
        ir_version=IR_VERSION,
        producer_name="windrow",
    )
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "precision": precision,
        "content_hash": content_hash,
        "windrow": header.to_json(),
    }
    onnx.helper.set_model_props(model, metadata)
    return bytes(model.SerializeToString(deterministic=True))


def _write_encoder(
    graph: OnnxNodes,
    encoder: Encoder,
    tensors: Mapping[str, Array],
    header: WeightsHeader,
    precision: OnnxPrecision,
) -> None:
    settings = encoder.settings
    valid = graph.cast("valid", "FLOAT")
    valid_column = graph.node("Unsqueeze", valid, graph.constant("axis_2", [2]))
    tokens = _embedding(graph, encoder, tensors, header, valid_column)
    # A series without any date attends to all positions, so that its values stay finite.
    count = graph.node("ReduceSum", valid, graph.constant("axis_1", [1]), keepdims=1)
    empty = graph.node("Equal", count, graph.constant("zero", np.float32(0)))
    attended = graph.cast(graph.node("Or", "valid", empty), "INT32")
    residual, branch = tokens, ""
    for index in range(settings.num_layers):
        block = _Block(graph, tensors, f"blocks.{index}.", settings.num_heads, precision)
        normed, residual = block.norm("attention_norm", residual, branch)
        branch = block.linear("projection", block.attention(normed, attended))
        normed, residual = block.norm("mlp_norm", residual, branch)
        hidden = graph.node("Gelu", block.linear("mlp_in", normed))
        branch = block.linear("mlp_out", hidden)
    last = _Block(graph, tensors, "", settings.num_heads, precision)
    z, _ = last.norm("norm", residual, branch)
    graph.node("Mul", z, valid_column, outputs=["z"])
    _pooling(graph, valid_column, count)


def _embedding(
    graph: OnnxNodes,
    encoder: Encoder,
    tensors: Mapping[str, Array],
    header: WeightsHeader,
    valid_column: str,
) -> str:
    """Computes the tokens of the dates from normaliser, patch and position."""
    settings = encoder.settings
    normalization = header.normalization.normalization()
    scaled = graph.node(
        "Div",
        graph.cast("reflectance", "FLOAT"),
        graph.constant("scale", np.float32(sensors.SCALE)),
    )
    centred = graph.node("Sub", scaled, graph.constant("mean_reflectance", normalization.mean))
    values = graph.node("Div", centred, graph.constant("std_reflectance", normalization.std))
    values = graph.node("Mul", values, valid_column)
    if settings.missing_bands:
        values = graph.node("Where", "present", values, graph.constant("zero", np.float32(0)))
    weight, bias = tensors["embedding.patch.weight"], tensors["embedding.patch.bias"]
    # Rank of a date among the valid dates of its series; without meaning at invalid dates.
    valid = graph.cast("valid", "INT64")
    order = graph.node("CumSum", valid, graph.constant("one_axis", np.int64(1)))
    order = graph.node("Sub", order, graph.constant("one", np.int64(1)))
    order = graph.node("Max", order, graph.constant("first", np.int64(0)))
    if settings.kernel_size == 1:
        tokens = graph.node("MatMul", values, graph.constant("patch", weight[:, :, 0].T))
        tokens = graph.node("Add", tokens, graph.constant("patch_bias", bias))
    else:
        tokens = _convolved(graph, values, order, (weight, bias))
    if settings.missing_bands:
        table = graph.constant("missing_band", tensors["embedding.missing_band"])
        missing = graph.cast(graph.node("Not", "present"), "FLOAT")
        tokens = graph.node("Add", tokens, graph.node("MatMul", missing, table))
    if settings.position == "day_of_year":
        table = graph.constant("position", encoder.embedding.position_table.numpy(force=True))
        days = graph.cast("day_of_year", "INT64")
        return graph.node("Add", tokens, graph.node("Gather", table, days))
    if settings.position == "learned":
        table = graph.constant("position", tensors["embedding.learned_position"])
        return graph.node("Add", tokens, graph.node("Gather", table, order))
    return tokens


def _convolved(graph: OnnxNodes, values: str, order: str, patch: tuple[Array, Array]) -> str:
    """Applies a kernel wider than one date to the valid dates, as if no others existed."""
    weight, bias = patch
    # Valid dates come first, in their order. The sorting keys fall with the position, and fall
    # further where the date is invalid.
    num_dates = graph.node("Shape", "valid", start=1, end=2)
    positions = graph.node(
        "Range",
        graph.constant("first", np.int64(0)),
        graph.node("Squeeze", num_dates),
        graph.constant("one", np.int64(1)),
    )
    falling = graph.node("Mul", graph.cast("valid", "INT64"), num_dates)
    keys = graph.node("Sub", falling, positions)
    graph.node("TopK", keys, num_dates, outputs=["sorted_keys", "packed_order"], axis=1)
    rows = graph.node("Unsqueeze", "packed_order", graph.constant("axis_2", [2]))
    packed = graph.node(
        "GatherElements",
        values,
        graph.node("Expand", rows, graph.node("Shape", values)),
        axis=1,
    )
    convolved = graph.node(
        "Conv",
        graph.node("Transpose", packed, perm=[0, 2, 1]),
        graph.constant("patch", weight),
        graph.constant("patch_bias", bias),
        pads=[weight.shape[2] // 2] * 2,
    )
    convolved = graph.node("Transpose", convolved, perm=[0, 2, 1])
    back = graph.node("Unsqueeze", order, graph.constant("axis_2", [2]))
    back = graph.node("Expand", back, graph.node("Shape", convolved))
    return graph.node("GatherElements", convolved, back, axis=1)


class _Block:
    """The parts of one transformer block. Its tensors have names that begin with ``prefix``."""

    def __init__(
        self,
        graph: OnnxNodes,
        tensors: Mapping[str, Array],
        prefix: str,
        num_heads: int,
        precision: OnnxPrecision,
    ) -> None:
        self._graph = graph
        self._tensors = tensors
        self._prefix = prefix
        self._num_heads = num_heads
        self._precision = precision

    def _constant(self, name: str, values: Array | None = None) -> str:
        name = self._prefix + name
        return self._graph.constant(name, self._tensors[name] if values is None else values)

    def norm(self, name: str, residual: str, branch: str) -> tuple[str, str]:
        """Gives the norm of residual + branch, and the sum. An empty ``branch`` adds nothing."""
        weight, bias = self._constant(f"{name}.weight"), self._constant(f"{name}.bias")
        if branch:
            # The fused SkipLayerNormalization is not used: its kernel is three times slower.
            residual = self._graph.node("Add", residual, branch)
        normed = self._graph.node(
            "LayerNormalization", residual, weight, bias, axis=-1, epsilon=NORM_EPSILON
        )
        return normed, residual

    def linear(self, name: str, value: str) -> str:
        """Adds a linear layer and gives its output."""
        bias = self._constant(f"{name}.bias")
        weight = self._tensors[f"{self._prefix}{name}.weight"].T
        if self._precision == "float32":
            product = self._graph.node("MatMul", value, self._constant(f"{name}.weight", weight))
            return self._graph.node("Add", product, bias)
        rounded, scale = quantised(weight)
        return self._graph.node(
            "DynamicQuantizeMatMul",
            value,
            self._constant(f"{name}.weight", rounded),
            self._constant(f"{name}.scale", scale),
            self._zero_point(name, scale),
            bias,
        )

    def attention(self, normed: str, attended: str) -> str:
        """Adds the projections of the normed tokens and the attention over the valid dates."""
        name = "query_key_value"
        bias = self._constant(f"{name}.bias")
        weight = self._tensors[f"{self._prefix}{name}.weight"].T
        if self._precision == "float32":
            return self._graph.node(
                "Attention",
                normed,
                self._constant(f"{name}.weight", weight),
                bias,
                attended,
                num_heads=self._num_heads,
            )
        rounded, scale = quantised(weight)
        value, value_scale, zero = (f"{self._prefix}{name}.{part}" for part in ("a", "b", "c"))
        self._graph.node("DynamicQuantizeLinear", normed, outputs=[value, value_scale, zero])
        return self._graph.node(
            "QAttention",
            value,
            self._constant(f"{name}.weight", rounded),
            bias,
            value_scale,
            self._constant(f"{name}.scale", scale),
            attended,
            zero,
            self._zero_point(name, scale),
            num_heads=self._num_heads,
        )

    def _zero_point(self, name: str, scale: Array) -> str:
        zeros = np.full(scale.shape, ZERO_POINT, dtype=np.uint8)
        return self._constant(f"{name}.zero_point", zeros)


def _pooling(graph: OnnxNodes, valid_column: str, count: str) -> None:
    """Adds ``mean`` and ``month``; see :func:`windrow.inference.pooling.month_pool`."""
    total = graph.node("ReduceSum", "z", graph.constant("axis_1", [1]), keepdims=0)
    at_least_one = graph.constant("at_least_one", np.float32(1))
    graph.node("Div", total, graph.node("Max", count, at_least_one), outputs=["mean"])
    months = graph.constant("months", np.arange(12, dtype=np.int64))
    month = graph.node("Unsqueeze", _month(graph), graph.constant("axis_2", [2]))
    chosen = graph.cast(graph.node("Equal", month, months), "FLOAT")
    chosen = graph.node("Mul", chosen, valid_column)
    sums = graph.node("MatMul", graph.node("Transpose", chosen, perm=[0, 2, 1]), "z")
    counts = graph.node("ReduceSum", chosen, graph.constant("axis_1", [1]), keepdims=0)
    counts = graph.node("Unsqueeze", counts, graph.constant("axis_2", [2]))
    means = graph.node("Div", sums, graph.node("Max", counts, at_least_one))
    # An empty month takes the nearest month with a date, the earlier one at equal distance.
    number = np.arange(12)
    distance = np.abs(number[:, None] - number) * 2 + (number > number[:, None])
    present = graph.node("Greater", counts, graph.constant("zero", np.float32(0)))
    candidates = graph.node(
        "Where",
        graph.node("Transpose", present, perm=[0, 2, 1]),
        graph.constant("month_distance", distance.astype(np.float32)),
        graph.constant("far", np.float32(99)),
    )
    nearest = graph.node("ArgMin", candidates, axis=2, keepdims=1)
    graph.node("GatherND", means, nearest, outputs=["month"], batch_dims=1)


def _month(graph: OnnxNodes) -> str:
    """Computes the month 0..11 of each date (N, T) from the calendar of its year."""
    year = graph.cast("year", "INT64")
    zero = graph.constant("first", np.int64(0))

    def divisible(by: int) -> str:
        divisor = graph.constant(f"years_{by}", np.int64(by))
        return graph.node("Equal", graph.node("Mod", year, divisor), zero)

    century = graph.node("And", divisible(100), graph.node("Not", divisible(400)))
    leap = graph.node("And", divisible(4), graph.node("Not", century))
    first = graph.node("Mul", graph.cast(leap, "INT64"), graph.constant("days", np.int64(MAX_DAYS)))
    first = graph.node("Unsqueeze", first, graph.constant("axis_1", [1]))
    day = graph.node(
        "Clip",
        graph.cast("day_of_year", "INT64"),
        zero,
        graph.constant("last_day", np.int64(MAX_DAYS - 1)),
    )
    table = graph.constant("month_of_day", MONTH_OF_DAY.reshape(-1))
    return graph.node("Gather", table, graph.node("Add", first, day))
