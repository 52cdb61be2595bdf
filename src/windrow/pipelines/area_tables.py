"""Tables of areas and accuracies, as a folder of CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.evaluation.area_estimation import AreaEstimates, Interval
from windrow.files import atomic_folder
from windrow.pipelines.run.table_writer import write_table


def write_area_tables(
    out: str | Path,
    *,
    classes: tuple[str, ...],
    mapped_area: npt.NDArray[np.float64],
    found: AreaEstimates,
) -> None:
    """Writes ``area.csv``, ``accuracy.csv``, ``error_counts.csv`` and ``error_proportions.csv``.

    Areas are in hectares. A cell is empty where the sample gives no estimate. Rows of the error
    matrices are classes of the map, columns those of the reference.

    Args:
        out: the folder; must not exist.
        classes: (K,) names.
        mapped_area: (K,) square metres.
        found: the estimates.

    Raises:
        OutputError: the folder cannot be written.
    """
    hectares = {name: column / 1e4 for name, column in _columns("area", found.area).items()}
    hectares = {f"{name}_ha": column for name, column in hectares.items()}
    with atomic_folder(out) as folder:
        area = {"class": list(classes), "mapped_area_ha": mapped_area / 1e4, **hectares}
        write_table(folder / "area.csv", _table(area))
        users = {**_columns("users_accuracy", found.users)}
        producers = _columns("producers_accuracy", found.producers)
        overall = [_row(each) for each in _columns("", found.overall).values()]
        accuracy = {
            "class": [*classes, "overall"],
            **{name: np.append(column, np.nan) for name, column in users.items()},
            **{name: np.append(column, np.nan) for name, column in producers.items()},
            "f1": np.append(found.f1, np.nan),
        }
        names = ("overall_accuracy", "overall_standard_error", "overall_low", "overall_high")
        nothing = np.full(len(classes), np.nan)
        for name, each in zip(names, overall, strict=True):
            accuracy[name] = np.append(nothing, each)
        write_table(folder / "accuracy.csv", _table(accuracy))
        for name, matrix in (("counts", found.counts), ("proportions", found.proportions)):
            columns = {f"reference {each}": matrix[:, k] for k, each in enumerate(classes)}
            write_table(folder / f"error_{name}.csv", pa.table({"map": list(classes), **columns}))


def _columns(name: str, found: Interval) -> dict[str, npt.NDArray[np.float64]]:
    return {
        name: found.estimate,
        f"{name}_standard_error": found.standard_error,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
    }


def _row(value: npt.NDArray[np.float64]) -> float:
    return float(value)


def _table(columns: Mapping[str, object]) -> pa.Table:
    return pa.table(
        {
            name: pa.array(values, from_pandas=isinstance(values, np.ndarray))
            for name, values in columns.items()
        }
    )
