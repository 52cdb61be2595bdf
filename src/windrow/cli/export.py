"""``windrow export``: writes an encoder as one file for another runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windrow.cli.parse import parse


@dataclass(frozen=True)
class Export:
    """Writes normalisation, encoder and pooling as one ONNX file, for ONNX Runtime."""

    weights: str
    """Run directory, .safetensors file, or the name of shipped weights."""
    out: Path
    """File to write, .onnx; must not exist."""
    format: Literal["onnx"] = "onnx"
    """Format of the file."""
    precision: Literal["float32", "int8"] = "float32"
    """Precision of the matrix products; int8 is faster and rounds (cosine similarity at least
    0.999)."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow export``."""
    options = parse(Export, arguments, prog="windrow export")
    from windrow.pipelines.export import export_onnx

    lines = export_onnx(options.weights, options.out, precision=options.precision)
    print("\n".join([*lines, str(options.out)]))
