"""``windrow screen-dates``: the cloud level of each date, and dates that look misdated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from windrow.cli.parse import parse
from windrow.sources.reader import CubeOptions


@dataclass(frozen=True)
class ScreenDates:
    """Lists the dates of a cube: how cloudy they are, and which do not fit their day of year.

    A date is compared with what the other dates say of every day of the season. One that fits a
    distant day much better looks misdated. A late harvest or snow can look so too.
    """

    cube: Annotated[Path, tyro.conf.Positional]
    """A netCDF or Zarr cube, a folder of GeoTIFFs, STAC items, or a series store of one scene."""
    out: Path | None = None
    """The table to write: .parquet or .csv; must not exist."""
    weights: Path | None = None
    """The run directory of 'windrow pretrain', which predicts the cloud level and the reflectance
    of every day. Without it the cube's own cloud measure and interpolation are used."""
    num_pixels: int = 256
    """Largest number of pixels to read, spread over the scene."""
    options: Annotated[CubeOptions, tyro.conf.arg(name="")] = field(default_factory=CubeOptions)
    """How to read the cube, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow screen-dates``."""
    chosen = parse(ScreenDates, arguments, prog="windrow screen-dates")
    from windrow.errors import SettingsError
    from windrow.experiments.recipes.dates import misdated
    from windrow.pipelines.daily.screen_dates import ScreenDatesRequest, screen_dates

    if chosen.num_pixels < 1:
        raise SettingsError(
            "--num-pixels is out of range", found=chosen.num_pixels, expected="1 or more"
        )
    found = screen_dates(
        ScreenDatesRequest(
            chosen.cube,
            misdated(),
            weights=chosen.weights,
            cube_options=chosen.options,
            num_pixels=chosen.num_pixels,
        ),
        out=chosen.out,
    )
    print("\n".join(found.lines))
    known = np.isfinite(found.cloud)
    if known.any():
        cloudy = int((found.cloud[known] >= 0.5).sum())
        print(f"{cloudy} of {int(known.sum())} dates are cloudy: their mean level is 0.5 or more")
    print(f"{int(found.fit.judged.sum())} of {len(found.dates)} dates have enough clear pixels")
    print(f"{int(found.fit.misdated.sum())} dates look misdated")
    for row in found.table.to_pylist():
        if row["misdated"]:
            print(
                f"{row['date']} fits {row['fitted_date']} better:"
                f" misfit {row['misfit']:.3f} against {row['fitted_misfit']:.3f}"
            )
    if chosen.out is not None:
        print(chosen.out)
