"""Computes the representations of a whole input and writes them as one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from windrow.data.series import Series
from windrow.files import check_output
from windrow.inference.backends import BackendName, Precision
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.pipelines.run.table_writer import TABLE_SUFFIXES, write_table
from windrow.sources.open_any import LabelledInput

SERIES_A_CALL = 2_048


def embed_to_parquet(
    source: str | Path | LabelledInput,
    *,
    weights: str | Path,
    out: str | Path,
    pool: Literal["mean", "month"] = "mean",
    backend: BackendName = "auto",
    precision: Precision = "float32",
    max_dates: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Writes the pooled representation of every series of an input.

    Args:
        source: a series store or a field table, with or without labels.
        weights: a run directory, a ``.safetensors`` or ``.onnx`` file, or the name of shipped
            weights.
        out: the table, Parquet or CSV by its suffix. It has one row for each id, in input order.
            ``id`` keeps its type; columns ``e`` and a zero-padded number follow; ``label`` comes
            last when labels are given (empty where unknown).
        pool: ``mean`` over the dates, or ``month``: the twelve monthly means concatenated.
        backend: the runtime; see :func:`windrow.inference.frozen_encoder.load`.
        precision: precision of the matrix products.
        max_dates: the most dates to read per series; the clearest are read. None takes the number
            stored in the weights.
        on_progress: called with the number of series done and their total.

    Returns:
        lines of text: what was found in the input and its labels, what was left out, the number
        of series, the runtime, and which dates were read if not all.

    Raises:
        OutputError: the table exists, is an input, or has another suffix.
        WindrowError: the input, the weights and the labels do not fit together.
    """
    if not isinstance(source, LabelledInput):
        source = LabelledInput(Path(source))
    inputs = [path for path in (source.path, source.labels) if path is not None]
    check_output(out, inputs=inputs, suffixes=TABLE_SUFFIXES)
    encoder = load(weights, backend=backend, precision=precision, max_dates=max_dates)
    opened = source.open()
    series, summary, known = opened.series, opened.summary, None
    if opened.labels is not None:
        known = [label or None for label in opened.labels.label.tolist()]
    lines = [*summary.lines(), f"{len(series):,} series, by {encoder.backend}"]
    lines += _bands_left_out(series, encoder)
    lines += _dates_left_out(series, encoder)
    blocks = []
    for start in range(0, len(series), SERIES_A_CALL):
        blocks.append(encoder.embed(series.select(slice(start, start + SERIES_A_CALL)), pool=pool))
        if on_progress is not None:
            on_progress(min(start + SERIES_A_CALL, len(series)), len(series))
    values = np.concatenate(blocks)
    digits = len(str(values.shape[1] - 1))
    columns: dict[str, pa.Array] = {"id": _ids(series)}
    for index in range(values.shape[1]):
        columns[f"e{index:0{digits}d}"] = pa.array(np.ascontiguousarray(values[:, index]))
    if known is not None:
        columns["label"] = pa.array(known, type=pa.string())
    write_table(out, pa.table(columns))
    return lines


def _ids(series: Series) -> pa.Array:
    """Returns the ids in the type in which they were read."""
    return pa.array(series.id.tolist() if series.id.dtype.kind == "U" else series.id)


def _bands_left_out(series: Series, encoder: FrozenEncoder) -> list[str]:
    """Names the bands that the weights read but the series lack, and those they do not read."""
    missing = encoder.missing_bands(series)
    unread = [band for band in series.bands if band not in encoder.bands]
    lines = []
    if missing:
        lines.append(f"without band {' '.join(missing)}, which the weights were trained to miss")
    if unread:
        lines.append(f"band {' '.join(unread)} is not read by the weights")
    return lines


def _dates_left_out(series: Series, encoder: FrozenEncoder) -> list[str]:
    """Returns a line for the user where not every date is read."""
    if encoder.max_dates is None:
        return []
    shortened = int((series.valid.sum(axis=1) > encoder.max_dates).sum())
    if shortened == 0:
        return []
    which = "clearest dates"
    if series.cloud_probability is None:
        which = "dates, spread evenly over those there are, as no cloud measure is known"
    return [f"{shortened:,} of them by their {encoder.max_dates} {which}"]
