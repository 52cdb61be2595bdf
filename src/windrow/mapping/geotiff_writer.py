"""Layers of a map as Cloud-Optimized GeoTIFFs, and the files beside them.

Blocks arrive in any order and are kept by themselves. The GeoTIFF of a layer is written from all
of them, top to bottom. Its bytes therefore depend on the values alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import LayerName, MapClass, MapGrid, MapLayer
from windrow.errors import OutputError
from windrow.files import atomic_file, writing_errors

TILE = 512
"""Rows and columns of a tile of the GeoTIFF, pixels."""

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

Strip = tuple[int, npt.NDArray[np.unsignedinteger]]
"""First row of a strip, and its values (bands, rows, width)."""


def write_layer(
    path: Path,
    name: LayerName,
    layer: MapLayer,
    *,
    grid: MapGrid,
    classes: Sequence[MapClass],
    strips: Iterator[Strip],
    tags: Mapping[str, str],
) -> None:
    """Writes one layer as a Cloud-Optimized GeoTIFF with overviews.

    Args:
        path: the file to write; it appears complete, or not at all.
        name: the layer.
        layer: its type, value without data, scale and unit.
        grid: where its pixels lie.
        classes: the classes, for the colours of the class layer and the names of bands.
        strips: strips of at most :data:`TILE` rows, from the top to the bottom.
        tags: metadata of the file; no time of day, so that equal maps are equal files.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.shutil import copy

    with atomic_file(path) as temporary, writing_errors(path), rasterio.Env(GDAL_PAM_ENABLED="NO"):
        plain = temporary.with_name(temporary.name + ".plain.tif")
        try:
            with rasterio.open(
                plain, "w", driver="GTiff", height=grid.height, width=grid.width,
                count=layer.num_bands, dtype=layer.dtype, nodata=layer.no_data, crs=grid.crs,
                transform=rasterio.Affine(*grid.transform), tiled=True, blockxsize=TILE,
                blockysize=TILE, compress="deflate", interleave="band", BIGTIFF="IF_SAFER",
                NUM_THREADS="1",
            ) as target:  # fmt: skip
                for row, values in strips:
                    window = ((row, row + values.shape[1]), (0, grid.width))
                    target.write(values, window=window)
                target.update_tags(**tags)
                _describe_bands(target, name, layer, classes)
            copy(
                plain, temporary, driver="COG", COMPRESS="DEFLATE", BLOCKSIZE=TILE,
                PREDICTOR="NO", NUM_THREADS="1", BIGTIFF="IF_SAFER",
                OVERVIEW_RESAMPLING="MODE" if name == "class" else "AVERAGE",
            )  # fmt: skip
        except RasterioError as error:
            raise OutputError(
                "a layer of the map cannot be written",
                where=path,
                found=str(error).splitlines()[0][:120],
                hint="free some room and run again with --resume",
            ) from None
        finally:
            plain.unlink(missing_ok=True)


def _describe_bands(
    target: DatasetWriter, name: LayerName, layer: MapLayer, classes: Sequence[MapClass]
) -> None:
    """Sets scale, unit, description and colours of the bands."""
    from rasterio.enums import ColorInterp

    target.scales = (layer.scale,) * layer.num_bands
    target.offsets = (0.0,) * layer.num_bands
    target.units = (layer.unit,) * layer.num_bands
    if name == "probabilities":
        for band, each in enumerate(classes, 1):
            target.set_band_description(band, each.name)
    else:
        target.set_band_description(1, layer.description)
    if name == "class":
        target.write_colormap(1, _colour_table(classes))
        target.colorinterp = (ColorInterp.palette,)


def _colour_table(classes: Sequence[MapClass]) -> dict[int, tuple[int, int, int, int]]:
    table = {0: (0, 0, 0, 0)}
    for each in classes:
        red, green, blue = (int(each.colour[at : at + 2], 16) for at in (1, 3, 5))
        table[each.value] = (red, green, blue, 255)
    return table
