"""Pixels of a map drawn by chance, so many from each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import MapHeader
from windrow.mapping.map_layers import OnProgress, check_classes, opened, strips


def draw_pixels(
    folder: str | Path,
    header: MapHeader,
    *,
    num_pixels: npt.NDArray[np.int64],
    num_samples: npt.NDArray[np.int64],
    random: np.random.Generator,
    on_progress: OnProgress | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draws pixels without replacement; every pixel of a class is as likely as the others.

    Args:
        folder: the map.
        header: its description.
        num_pixels: (C,) pixels of each class.
        num_samples: (C,) pixels to draw of each.
        random: source of the draws. The same state gives the same pixels.
        on_progress: called with the rows done and wanted.

    Returns:
        (N,) row, column and class (0..C-1) of each drawn pixel, in an order by chance.
    """
    wanted = [
        np.sort(random.choice(int(pixels), size=int(number), replace=False))
        for pixels, number in zip(num_pixels, num_samples, strict=True)
    ]
    seen = np.zeros(len(wanted), dtype=np.int64)
    rows, columns, classes = [], [], []
    with opened(folder, header, "class") as source:
        for first, values in strips(source, header.grid):
            check_classes(values, header, folder)
            for index, ranks in enumerate(wanted):
                places = np.flatnonzero(values == index + 1)
                start, stop = np.searchsorted(ranks, [seen[index], seen[index] + len(places)])
                chosen = places[ranks[start:stop] - seen[index]]
                rows.append(first + chosen // header.grid.width)
                columns.append(chosen % header.grid.width)
                classes.append(np.full(len(chosen), index))
                seen[index] += len(places)
            if on_progress is not None:
                on_progress(first + len(values), header.grid.height)
    order = random.permutation(int(num_samples.sum()))
    return (
        np.concatenate(rows)[order],
        np.concatenate(columns)[order],
        np.concatenate(classes)[order],
    )
