"""Writes weights as a file for another runtime."""

from __future__ import annotations

from pathlib import Path

from windrow.errors import SettingsError
from windrow.files import check_output
from windrow.inference.onnx.graph import OnnxPrecision, write_onnx
from windrow.inference.shipped_weights import weights_path
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import load_encoder
from windrow.smoke_test import smoke_test_lines


def export_onnx(
    weights: str | Path, out: str | Path, *, precision: OnnxPrecision = "float32"
) -> list[str]:
    """Writes an encoder as one ONNX file; see :mod:`windrow.inference.onnx.graph`.

    Args:
        weights: a run directory, a ``.safetensors`` file or the name of shipped weights.
        out: the file to write.
        precision: precision of the matrix products.

    Returns:
        lines of text that describe the file.

    Raises:
        WeightsError: there are no such weights, or they cannot be read.
        SettingsError: the weights are an ONNX file, or the package onnx is not installed.
        OutputError: the file exists, has another suffix than ``.onnx``, or cannot be written.
    """
    path = weights_path(weights)
    check_output(out, inputs=[path], suffixes=(".onnx",))
    if path.suffix == ".onnx":
        raise SettingsError(
            "these weights are an ONNX file already", where=path, hint="copy it, or give the run"
        )
    encoder, header, content_hash = load_encoder(path)
    if not isinstance(encoder, Encoder):
        raise SettingsError(
            "only transformer encoders can be exported", where=path, found=header.encoder.kind
        )
    write_onnx(out, encoder, header=header, content_hash=content_hash, precision=precision)
    num_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    size = Path(out).stat().st_size / 1e6
    mark = smoke_test_lines(header.smoke_test)
    return [*mark, f"{num_parameters:,} parameters in {precision}, {size:.1f} MB"]
