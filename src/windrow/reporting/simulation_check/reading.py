"""Reads the files of a comparison of simulated with real fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import Field

from windrow.errors import DataError
from windrow.json_values import JsonObject
from windrow.reporting.run.reading import fit_record, read_parquet
from windrow.reporting.run.records import LeftOut, Record

REALISM_NAME = "realism.json"

TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "reflectance": ("set", "sky", "band", "quantile", "reflectance", "num_observations"),
    "band_correlation": ("set", "band", "other", "correlation"),
    "seasons": ("set", "class", "index", "day_of_year", "quantile", "value", "num_fields"),
    "cloud_months": ("set", "month", "cloud_fraction"),
    "cloud_persistence": ("set", "first_day", "last_day", "correlation"),
    "cloud_runs": ("set", "sky", "length", "share", "num_runs"),
    "cloud_shares": ("set", "of", "least", "most", "share"),
    "cloud_shape": ("set", "least_m", "most_m", "share", "num_pairs"),
    "autocorrelation": ("set", "quantity", "first_day", "last_day", "correlation"),
    "jumps": ("set", "quantity", "first_day", "last_day", "quantile", "jump", "num_pairs"),
    "clear_dates": ("set", "month", "quantile", "num_dates"),
}
"""The tables of the folder and the columns that each must have."""


class Part(Record):
    """A part of the real fields: ``look`` (looked at) or ``report`` (only reported)."""

    part: str
    condition: str | None = None
    num_fields: int
    note: str | None = None

    @property
    def title(self) -> str:
        """A short title of the part."""
        which = self.condition or "all real fields"
        return f"{which} (reported only)" if self.part == "report" else which


class SimulatedSet(Record):
    """Size of the simulated set."""

    num_series: int
    num_fields: int
    num_landscapes: int
    pixels_a_field: float


class ZeroLabel(Record):
    """Accuracy on a part of the real fields after training on simulated fields only."""

    part: str
    overall_accuracy: float
    macro_f1: float
    merged_accuracy: float | None = None
    confusion_matrix: list[list[float]]


class Apart(Record):
    """Areas under the curve for a part of the real fields or a left-out simulated place."""

    part: str | None = None
    num_fields: int
    num_simulated: int
    years: float
    observations: float | None = None
    observations_by_month: list[float | None] = Field(min_length=12, max_length=12)
    importance: list[list[float]] = Field(min_length=12, max_length=12)
    observations_importance: list[list[float | None]] = Field(min_length=12, max_length=12)


class Score(Record):
    """Few-label accuracy with its interval."""

    overall_accuracy: float
    overall_accuracy_low: float
    overall_accuracy_high: float
    macro_f1: float
    draws: int
    places: int
    places_std: float | None = None


class Difficulty(Record):
    """Few-label accuracy of real and of simulated fields at one k."""

    part: str
    k: int
    real: Score
    simulated: Score
    difference: float


class Numbers(Record):
    """The content of ``realism.json``."""

    scenario: str
    real: str
    legend: list[str]
    bands: list[str]
    parts: list[Part] = Field(min_length=1)
    simulated: SimulatedSet
    left_out: tuple[LeftOut | str, ...] = ()
    notes: tuple[str, ...] = ()
    zero_label: list[ZeroLabel]
    telling_apart: list[Apart]
    floor: list[Apart]
    difficulty: list[Difficulty]
    settings: JsonObject
    scenario_settings: JsonObject

    @property
    def clear_below(self) -> float:
        """An observation is clear if its cloud probability (0..255) is below; 0 if not recorded."""
        value = self.settings.get("clear_below")
        return value if isinstance(value, int | float) else 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison as read from its folder.

    Attributes:
        folder: its folder.
        numbers: content of ``realism.json``.
        tables: the tables of ``TABLE_COLUMNS``, by name.
    """

    folder: Path
    numbers: Numbers
    tables: Mapping[str, pd.DataFrame]


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison of simulated with real fields."""
    return (folder / REALISM_NAME).is_file()


def read_comparison(folder: Path) -> Comparison:
    """Reads the numbers and all tables.

    Raises:
        DataError: a file is missing or damaged.
    """
    path = folder / REALISM_NAME
    if not path.is_file():
        raise DataError(
            "the folder holds no comparison of simulated with real fields",
            where=folder,
            expected=REALISM_NAME,
            hint="give the folder that 'windrow simulate --check' wrote",
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(
            "the numbers of a comparison cannot be read", where=path, found=str(error)[:80]
        ) from None
    numbers = fit_record(Numbers, values, path)
    for row in numbers.zero_label:
        size = len(numbers.legend)
        if [len(line) for line in row.confusion_matrix] != [size] * size:
            raise DataError(
                "a confusion matrix does not fit the legend",
                where=path,
                expected=f"{size} x {size}, one row and column per class",
            )
    tables = {}
    for name, columns in TABLE_COLUMNS.items():
        table_path = folder / f"{name}.parquet"
        if not table_path.is_file():
            raise DataError("a table of the comparison is missing", where=table_path)
        tables[name] = read_parquet(table_path, columns)
    return Comparison(folder, numbers, tables)
