"""Computes the representations of a whole input and writes them as one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.classifiers.embedded_place import MOST_CONTEXT, EmbeddedPlace
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.data.series import Series
from windrow.errors import SettingsError
from windrow.files import check_output
from windrow.inference.backends import BackendName, Precision
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.inference.pooling import Pooling
from windrow.inference.shipped_weights import weights_path
from windrow.models.place_weights import holds_place_network
from windrow.pipelines.run.table_writer import TABLE_SUFFIXES, write_table
from windrow.smoke_test import smoke_test_lines
from windrow.sources.open_any import LabelledInput

SERIES_A_CALL = 2_048


def embed_to_parquet(
    source: str | Path | LabelledInput,
    *,
    weights: str | Path = DEFAULT_WEIGHTS,
    out: str | Path,
    pool: Pooling | None = None,
    backend: BackendName = "auto",
    precision: Precision = "float32",
    max_dates: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Writes the representation of every series of an input, one vector each.

    Weights of a place network, such as ``windrow-1``, take the whole input as one place: the
    vectors depend on its fields, and those of two inputs are not comparable.

    Args:
        source: a series store or a field table, with or without labels.
        weights: a run directory, a ``.safetensors`` or ``.onnx`` file, or the name of shipped
            weights.
        out: the table, Parquet or CSV by its suffix. It has one row for each id, in input order.
            ``id`` keeps its type; columns ``e`` and a zero-padded number follow; ``label`` comes
            last when labels are given (empty where unknown). The metadata of Parquet hold the
            hash and the origin of the weights under ``windrow``.
        pool: ``mean`` over the dates, or ``month``: the twelve monthly means concatenated. None
            takes ``month``. A place network has no pooling.
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
        SettingsError: an option does not fit a place network.
        WindrowError: the input, the weights and the labels do not fit together.
    """
    if not isinstance(source, LabelledInput):
        source = LabelledInput(Path(source))
    inputs = [path for path in (source.path, source.labels) if path is not None]
    check_output(out, inputs=inputs, suffixes=TABLE_SUFFIXES)
    encoder: FrozenEncoder | PlaceEncoder
    if holds_place_network(weights_path(weights)):
        _refuse_for_place_network(pool, backend, precision, max_dates)
        encoder = load_place_encoder(weights)
    else:
        encoder = load(weights, backend=backend, precision=precision, max_dates=max_dates)
    opened = source.open()
    series, known = opened.series, None
    if opened.labels is not None:
        known = [label or None for label in opened.labels.label.tolist()]
    lines = [*smoke_test_lines(encoder.smoke_test), *opened.summary.lines()]
    if isinstance(encoder, PlaceEncoder):
        embed = EmbeddedPlace(encoder, series).embed
        lines.append(f"{len(series):,} series, by a place network")
        lines.append(
            f"{min(len(series), MOST_CONTEXT)} of them show it their place: compare the vectors "
            "with each other alone"
        )
    else:
        embed = partial(encoder.embed, pool=pool or "month")
        lines.append(f"{len(series):,} series, by {encoder.backend}")
        lines += _bands_left_out(series, encoder)
        lines += _dates_left_out(series, encoder)
    values = _embed_all(series, embed, on_progress)
    digits = len(str(values.shape[1] - 1))
    columns: dict[str, pa.Array] = {"id": _ids(series)}
    for index in range(values.shape[1]):
        columns[f"e{index:0{digits}d}"] = pa.array(np.ascontiguousarray(values[:, index]))
    if known is not None:
        columns["label"] = pa.array(known, type=pa.string())
    origin = {
        "weights_hash": encoder.content_hash,
        "simulated_weights": encoder.simulated,
        "smoke_test": encoder.smoke_test,
    }
    table = pa.table(columns).replace_schema_metadata({"windrow": json.dumps(origin)})
    write_table(out, table)
    return lines


def _embed_all(
    series: Series,
    embed: Callable[[Series], npt.NDArray[np.float32]],
    on_progress: Callable[[int, int], None] | None,
) -> npt.NDArray[np.float32]:
    blocks = []
    for start in range(0, len(series), SERIES_A_CALL):
        blocks.append(embed(series.select(slice(start, start + SERIES_A_CALL))))
        if on_progress is not None:
            on_progress(min(start + SERIES_A_CALL, len(series)), len(series))
    return np.concatenate(blocks)


def _refuse_for_place_network(
    pool: Pooling | None, backend: BackendName, precision: Precision, max_dates: int | None
) -> None:
    """Refuses the options that only encoders of dates have."""
    given = {
        "--pool": pool is not None,
        "--backend": backend == "onnx",
        "--precision": precision != "float32",
        "--max-dates": max_dates is not None,
    }
    for name, wrong in given.items():
        if wrong:
            raise SettingsError(
                f"{name} does not fit these weights",
                found="a place network, which reads a whole year on a ten-day grid",
                hint=f"leave {name} out, or give weights of 'windrow pretrain'",
            )


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
