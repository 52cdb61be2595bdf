"""What the end-to-end tests share: the command line in this process, and the way's places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from windrow.cli import main
from windrow.data.series import Series


def windrow(*words: object) -> int:
    """Runs the command line in this process; the exit code."""
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@dataclass(frozen=True)
class Way:
    """What the steps have left on disk."""

    store: Path
    run: Path
    table: Path
    labels: Path


def write_tables(series: Series, observations: Path, labels: Path) -> None:
    """A field table and its labels, as a user would bring them."""
    row, date = np.nonzero(series.valid)
    start = np.array([f"{year}-01-01" for year in series.year], dtype="datetime64[D]")
    frame = pd.DataFrame(
        {
            "field_id": series.id[row],
            "date": start[row] + series.day_of_year[row, date],
            **{band: series.reflectance[row, date, b] for b, band in enumerate(series.bands)},
        }
    )
    assert series.cloud_probability is not None
    frame["clp"] = series.cloud_probability[row, date]
    frame.to_parquet(observations)
    assert series.label is not None
    assert series.legend is not None
    crops = [series.legend.names[label] for label in series.label]
    half = np.where(np.arange(len(series)) % 2, "A", "B")
    pd.DataFrame({"field_id": series.id, "crop": crops, "half": half}).to_csv(labels, index=False)
