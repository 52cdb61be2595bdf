"""``windrow parcels``: the class of each parcel in a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress


@dataclass(frozen=True)
class Parcels:
    """Writes each parcel with its majority class in a map, and the probability of that class."""

    map: Annotated[Path, tyro.conf.Positional]
    """The folder that 'windrow map' wrote."""
    parcels: Annotated[Path, tyro.conf.Positional]
    """Polygons in any CRS: GeoPackage, GeoJSON, Shapefile, GeoParquet, FlatGeobuf."""
    out: Path
    """The file to write: .parquet, .gpkg or .geojson; must not exist."""
    layer: str | None = None
    """The layer of a file that holds several."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow parcels``."""
    options = parse(Parcels, arguments, prog="windrow parcels")
    from windrow.pipelines.parcels import map_parcels

    with progress("reading the map", "rows") as advance:
        lines = map_parcels(
            options.map,
            options.parcels,
            out=options.out,
            layer=options.layer,
            on_progress=advance,
        )
    print("\n".join(lines))
    print(options.out)
