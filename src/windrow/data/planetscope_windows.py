"""The PlanetScope pixels (3 m) that belong to a Sentinel-2 pixel (10 m).

With ``corner`` pairing Sentinel-2 pixel (i, j) belongs to PlanetScope pixel
(floor(10 i / 3), floor(10 j / 3)) and its eight neighbours. This is the formula of earlier public
code and the default, so that results compare. With ``centred`` pairing the middle pixel is the one
under the centre, floor((i + 0.5) 10 / 3).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Pairing = Literal["corner", "centred"]


def planetscope_pixel(
    sentinel2_pixel: npt.ArrayLike, *, pairing: Pairing = "corner"
) -> npt.NDArray[np.int64]:
    """Finds the row (or column) of the middle PlanetScope pixel of a Sentinel-2 row (or column).

    Args:
        sentinel2_pixel: Sentinel-2 rows or columns, any shape.
        pairing: ``corner`` or ``centred``; see the module.

    Returns:
        PlanetScope rows or columns, int64, in the same shape.

    Example:
        >>> planetscope_pixel([0, 1, 2]).tolist()
        [0, 3, 6]
        >>> planetscope_pixel([0, 1, 2], pairing="centred").tolist()
        [1, 5, 8]
    """
    pixel = np.asarray(sentinel2_pixel, dtype=np.int64)
    return pixel * 10 // 3 if pairing == "corner" else (2 * pixel + 1) * 10 // 6


def planetscope_window(
    row: npt.ArrayLike, column: npt.ArrayLike, *, size: int, pairing: Pairing = "corner"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Finds the nine PlanetScope pixels around each Sentinel-2 pixel.

    Args:
        row: Sentinel-2 rows, any shape S.
        column: Sentinel-2 columns, shape S.
        size: side of the PlanetScope raster in pixels; windows are clamped to it.
        pairing: ``corner`` or ``centred``; see the module.

    Returns:
        Rows and columns, each of shape S + (9,), row-major over the 3 x 3 window.

    Example:
        >>> rows, columns = planetscope_window([1], [1], size=100)
        >>> rows[0].tolist(), columns[0].tolist()
        ([2, 2, 2, 3, 3, 3, 4, 4, 4], [2, 3, 4, 2, 3, 4, 2, 3, 4])
    """
    step = np.arange(-1, 2)
    rows = planetscope_pixel(row, pairing=pairing)[..., None] + np.repeat(step, 3)
    columns = planetscope_pixel(column, pairing=pairing)[..., None] + np.tile(step, 3)
    return np.clip(rows, 0, size - 1), np.clip(columns, 0, size - 1)
