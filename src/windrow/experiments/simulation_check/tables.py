"""The statistics of both sets as tables, which the page reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from windrow.data.series import Series
from windrow.experiments.simulation_check.likeness.autocorrelation import (
    clear_autocorrelation,
    jumps,
)
from windrow.experiments.simulation_check.likeness.clouds import (
    cloud_fraction_by_month,
    cloud_fraction_shares,
    cloud_persistence,
    cloud_runs,
)
from windrow.experiments.simulation_check.likeness.reflectance import (
    band_correlation,
    clear_date_table,
    reflectance_quantiles,
    season_profiles,
)
from windrow.experiments.simulation_check.settings import RealismSettings
from windrow.simulation.generate import FIELDS_A_LANDSCAPE

Statistic = Callable[[Series], pd.DataFrame]


def statistics(
    simulated: Series, real: Series, settings: RealismSettings
) -> dict[str, pd.DataFrame]:
    """Computes the statistics of both sets, one table per statistic with a column ``set``.

    Args:
        simulated: simulated field means, in the real proportions of classes.
        real: the real field means that are looked at.
        settings: settings of the comparison.
    """
    clear_below = settings.clear_below

    def shares(series: Series) -> pd.DataFrame:
        place = series.field_id // FIELDS_A_LANDSCAPE if series.simulated else None
        return cloud_fraction_shares(series, place)

    each: dict[str, Statistic] = {
        "reflectance": lambda s: reflectance_quantiles(s, clear_below=clear_below),
        "band_correlation": lambda s: band_correlation(s, clear_below=clear_below),
        "seasons": lambda s: season_profiles(s, settings.zero_label_features),
        "cloud_months": cloud_fraction_by_month,
        "cloud_persistence": cloud_persistence,
        "cloud_runs": cloud_runs,
        "cloud_shares": shares,
        "autocorrelation": lambda s: clear_autocorrelation(s, clear_below=clear_below),
        "jumps": lambda s: jumps(s, clear_below=clear_below),
        "clear_dates": lambda s: clear_date_table(s, clear_below=clear_below),
    }
    return {
        name: pd.concat(
            [
                statistic(series).assign(set=kind)
                for kind, series in (("simulated", simulated), ("real", real))
            ],
            ignore_index=True,
        )
        for name, statistic in each.items()
    }


def joined_shapes(shapes: Mapping[str, pd.DataFrame | None]) -> pd.DataFrame:
    """Joins the cloud shapes of the sets that have one."""
    known = [shape.assign(set=name) for name, shape in shapes.items() if shape is not None]
    columns = ["least_m", "most_m", "share", "num_pairs", "set"]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=columns)


def write_tables(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Writes ``NAME.parquet`` for each table into an existing folder."""
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
