"""Makes the compact calendars of the Earth that ship with windrow.

Input: ``worldcereal_seasonality.parquet``, the seasonality of the public repository
WorldCereal/worldcereal-classification (MIT; Franch et al. 2022): by cell of half a degree the first
and last day of season 1 (winter cereals where they grow), of season 2 (maize and summer crops) and
of the year's longest season. Output: circular medians over cells of two degrees, the sea filled
from the nearest land, as one byte a value (day divided by two). The script prints how far the
table lies from the cells it was made of.

    python tools/fit_calendars.py worldcereal_seasonality.parquet \
        src/windrow/simulation/places/calendars.safetensors
"""

import json
import sys

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from scipy.spatial import cKDTree

STEP = 2.0
SOUTH, NORTH = -60.0, 72.0
COLUMNS = (
    "s1_sos_doy",
    "s1_eos_doy",
    "s2_sos_doy",
    "s2_eos_doy",
    "annual_sos_doy",
    "annual_eos_doy",
)
NAMES = (
    "season1_start",
    "season1_end",
    "season2_start",
    "season2_end",
    "annual_start",
    "annual_end",
)


def circular_median(days: np.ndarray) -> float:
    """The day with the least sum of circular distances to all others."""
    gap = np.abs(days[:, None] - days)
    return float(days[np.minimum(gap, 365 - gap).sum(axis=1).argmin()])


def main(source: str, target: str) -> None:
    """Takes the medians and writes them."""
    cells = pd.read_parquet(source)
    cells = cells[(cells.lat > SOUTH) & (cells.lat < NORTH)]
    row = ((NORTH - cells.lat) // STEP).astype(int).to_numpy()
    column = ((cells.lon + 180) // STEP).astype(int).to_numpy()
    shape = (int((NORTH - SOUTH) / STEP), int(360 / STEP))
    grid = np.full((*shape, len(COLUMNS)), -1.0)
    # The table counts from 1; we count from 0.
    days = (cells[list(COLUMNS)].to_numpy(dtype=float) - 1) % 365
    place = row * shape[1] + column
    order = np.argsort(place, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        for k in range(len(COLUMNS)):
            grid[row[members[0]], column[members[0]], k] = circular_median(days[members, k])
    land = grid[..., 0] >= 0
    rows, columns = np.indices(shape)
    latitude = np.radians(NORTH - (rows + 0.5) * STEP)
    longitude = np.radians((columns + 0.5) * STEP - 180)
    points = np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=-1,
    )
    nearest = cKDTree(points[land]).query(points[~land])[1]
    grid[~land] = grid[land][nearest]
    stored = np.rint(grid / 2).astype(np.uint8)
    gap = np.abs(stored[row, column] * 2.0 - days)
    gap = np.minimum(gap, 365 - gap)
    for name, values in zip(NAMES, gap.T, strict=True):
        print(name, "median", np.median(values), "90 %", np.quantile(values, 0.9))
    header = {
        "source": "derived from the seasonality of WorldCereal/worldcereal-classification (MIT), "
        "Franch et al. 2022; circular medians over two degrees by tools/fit_calendars.py",
        "seasons": json.dumps(NAMES),
        "north": str(NORTH),
        "step": str(STEP),
    }
    save_file({"half_day": stored, "land": land.astype(np.uint8)}, target, metadata=header)


if __name__ == "__main__":
    main(*sys.argv[1:])
