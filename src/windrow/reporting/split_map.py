"""Draws the map of a split by field (Figure 2 of the paper) from a table of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from windrow.data.store.store import Store
from windrow.errors import DataError
from windrow.files import atomic_file

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""The palette of Okabe and Ito (2008), which colour-blind readers can distinguish."""
HATCHES = ("", "////", "....", "xxxx", "----", "||||")
"""Hatching of the parts, which distinguishes them in print without colour."""
COLUMNS = ("crop", "part", "outline")
ENDINGS = (".png", ".svg", ".pdf")


def split_map(table: Mapping[str, npt.NDArray[Any]], *, title: str = "") -> Figure:
    """Draws the fields of a tile, coloured and hatched by the part they belong to.

    The figure differs from the paper's: it names the number of fields of each part, which is the
    effective size of a split by field.

    Args:
        table: ``part`` and ``outline`` (JSON rings, metres right and down) by field; see
            ``windrow.sources.denethor.sampling.split_table``.
        title: title of the figure, such as SIMULATED.

    Raises:
        DataError: the table lacks a column, or an outline is not a list of rings.
    """
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise DataError("the table of fields lacks a column", expected=missing[0])
    figure = Figure(figsize=(8, 8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    parts = list(dict.fromkeys(table["part"].tolist()))
    for number, part in enumerate(sorted(parts)):
        fields = np.flatnonzero(table["part"] == part)
        rings = [ring for each in fields for ring in _rings(table["outline"][each])]
        axes.add_collection(
            PolyCollection(
                rings,
                facecolors=COLOURS[number % len(COLOURS)],
                edgecolors="black",
                linewidths=0.3,
                hatch=HATCHES[number % len(HATCHES)],
                label=f"{part}: {len(fields):,} fields",
            )
        )
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_xlabel("metres east of the tile's corner")
    axes.set_ylabel("metres south of the tile's corner")
    axes.set_title(title or "Fields by part of the split")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=3, frameon=False)
    return figure


def _rings(text: str) -> list[npt.NDArray[np.float64]]:
    try:
        rings = [np.asarray(ring, dtype=np.float64) for ring in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise DataError("an outline is no list of rings", found=str(text)[:40]) from error
    if any(ring.ndim != 2 or ring.shape[1] != 2 for ring in rings):
        raise DataError("an outline is no list of rings", found=str(text)[:40])
    return rings


def write_split_map(store: str | Path, path: str | Path, *, table: str = "fields") -> Path:
    """Draws the split of a store and writes it as a picture.

    Args:
        store: a store that 'windrow ingest' wrote from DENETHOR.
        path: ``.png``, ``.svg`` or ``.pdf``.
        table: name of the store's table.

    Raises:
        DataError: the store has no such table, or the suffix is unknown.
        OutputError: the picture cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in ENDINGS:
        raise DataError(
            "unknown kind of picture", where=target, expected="one of " + " ".join(ENDINGS)
        )
    figure = split_map(Store(store).table(table))
    kind = target.suffix.lower()[1:]
    metadata = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with atomic_file(target) as temporary:
        figure.savefig(temporary, format=kind, metadata=metadata, dpi=150)
    return target
