"""The class of each parcel: the majority of its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import MapGrid, MapHeader
from windrow.mapping.map_layers import OnProgress, class_strips


@dataclass(frozen=True, eq=False)
class ParcelClasses:
    """What a map says of P parcels.

    Attributes:
        majority: (P,) class 0..C-1 with most pixels; -1 for a parcel without a pixel with data.
            Of classes with equally many, the one of higher probability, then the first.
        share: (P,) share of the majority among the pixels with data, 0..1; nan without one.
        probability: (P,) mean probability over the pixels of the majority; nan if not known.
        num_pixels: (P,) pixels whose centre lies in the parcel.
        num_without_data: (P,) those of them without a class.
    """

    majority: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    num_pixels: npt.NDArray[np.int64]
    num_without_data: npt.NDArray[np.int64]


def classify_parcels(
    folder: str | Path, header: MapHeader, shapes: Any, *, on_progress: OnProgress | None = None
) -> ParcelClasses:
    """Counts the classes of the pixels whose centre lies in each parcel.

    Parcels may overlap: a pixel counts in each of them. A strip of the map is held at a time.

    Args:
        folder: the map.
        header: its description.
        shapes: P polygons, a GeoSeries in the CRS of the map with positions 0..P-1 as its index.
        on_progress: called with the rows done and wanted.

    Raises:
        DataError: a layer is damaged.
    """
    num_values = len(header.classes) + 1
    counts = np.zeros((len(shapes), num_values), dtype=np.int64)
    sums = np.zeros((len(shapes), num_values))
    known = np.zeros((len(shapes), num_values), dtype=np.int64)
    layer_of = disjoint_layers(shapes)
    for row, classes, probability in class_strips(folder, header):
        for owner in _owners(shapes, layer_of, header.grid, row, len(classes)):
            inside = owner >= 0
            cell = owner[inside].astype(np.int64) * num_values + classes[inside]
            np.add.at(counts.reshape(-1), cell, 1)
            if probability is not None:
                values = probability[inside]
                good = ~np.isnan(values)
                np.add.at(sums.reshape(-1), cell[good], values[good])
                np.add.at(known.reshape(-1), cell[good], 1)
        if on_progress is not None:
            on_progress(row + len(classes), header.grid.height)
    mean = np.where(known > 0, sums / np.maximum(known, 1), np.nan)[:, 1:]
    of_classes = counts[:, 1:]
    most = of_classes.max(axis=1)
    tied = of_classes == most[:, None]
    best = np.where(tied, np.nan_to_num(mean), -1.0).argmax(axis=1)
    total = of_classes.sum(axis=1)
    return ParcelClasses(
        majority=np.where(total > 0, best, -1),
        share=np.where(total > 0, most / np.maximum(total, 1), np.nan),
        probability=np.where(total > 0, mean[np.arange(len(best)), best], np.nan),
        num_pixels=counts.sum(axis=1),
        num_without_data=counts[:, 0],
    )


def disjoint_layers(shapes: Any) -> npt.NDArray[np.int64]:
    """Puts parcels into layers, so that no two of a layer overlap.

    Args:
        shapes: P polygons, a GeoSeries.

    Returns:
        (P,) layers 0, 1, ...; all 0 where no parcels overlap.
    """
    import shapely

    geometry = shapes.to_numpy()
    first, second = shapes.sindex.query(geometry, predicate="intersects")
    earlier = second < first
    first, second = first[earlier], second[earlier]
    real = ~shapely.touches(geometry[first], geometry[second])
    layers = np.zeros(len(shapes), dtype=np.int64)
    first, second = first[real], second[real]
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    bounds = np.flatnonzero(np.diff(first, prepend=-1))
    for start, stop in zip(bounds, np.append(bounds, len(first))[1:], strict=True):
        taken = set(layers[second[start:stop]].tolist())
        layers[first[start]] = next(each for each in range(len(taken) + 1) if each not in taken)
    return layers


def _owners(
    shapes: Any, layer_of: npt.NDArray[np.int64], grid: MapGrid, row: int, num_rows: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Yields the parcel of each pixel centre of a strip, -1 where there is none, by layer."""
    from rasterio import Affine
    from rasterio.features import rasterize
    from shapely.geometry import Polygon

    transform = Affine(*grid.transform) * Affine.translation(0, row)
    corners = ((0, 0), (grid.width, 0), (grid.width, num_rows), (0, num_rows))
    near = shapes.sindex.query(Polygon([transform * corner for corner in corners]))
    for layer in np.unique(layer_of[near]):
        out = np.full((num_rows, grid.width), -1, dtype=np.int32)
        chosen = near[layer_of[near] == layer]
        pairs = [(shapes.iloc[index], int(index)) for index in np.sort(chosen)]
        rasterize(pairs, out=out, transform=transform)
        yield out
