"""The map of a landscape: a square of fields, drawn so that any pixel of it can be asked alone.

Fields are the cells of a Voronoi diagram around one site a mesh of a jittered grid, in a metric
that is turned and stretched by landscape: long fields side by side, as ploughs like them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.data.planetscope_windows import planetscope_pixel, planetscope_window
from windrow.simulation.keyed_random import Floats, choose, keyed, uniform
from windrow.simulation.settings import ScenarioSettings

Integers = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

FINE_M = 3.0
"""Side of a PlanetScope pixel, metres."""
COARSE_M = 10.0
"""Side of a Sentinel-2 pixel, metres."""

_REACH = 3
_NUM_PARTS = 3
PSF_M = {3: 1.6, 10: 5.3, 20: 10.6, 60: 31.8}
"""Deviation of the Gaussian point spread by pixel size, metres: Sentinel-2's are those of a
modulation transfer of a quarter at the sampling's Nyquist frequency (0.15 to 0.3 are specified)."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """The fields of one landscape.

    Attributes:
        settings: of the scenario.
        seed: of the simulation.
        number: of the landscape.
        sites: (F, 2) sites of the fields in metres, x and y, in the turned metric.
        metric: (2, 2) matrix from metres to that metric.
        crop: (F,) position in :data:`windrow.simulation.crops.CROPS`.
        label: (F,) class of the scenario's legend.
    """

    settings: ScenarioSettings
    seed: int
    number: int
    sites: Floats
    metric: Floats
    crop: Integers
    label: Integers

    @property
    def num_fields(self) -> int:
        """How many fields there are."""
        return len(self.crop)

    @property
    def side(self) -> int:
        """Side in Sentinel-2 pixels."""
        return self.settings.landscape_m // 10

    @property
    def fine_side(self) -> int:
        """Side in PlanetScope pixels."""
        return self.settings.landscape_m // 3

    def field_at(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Integers:
        """Finds the field at points.

        Points are given in metres from the upper left corner, x to the right and y down.
        """
        points = np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64) @ self.metric
        best = np.full(points.shape[:-1], np.inf)
        field = np.zeros(points.shape[:-1], dtype=np.int64)
        for number, (site_x, site_y) in enumerate(self.sites):
            distance = (points[..., 0] - site_x) ** 2 + (points[..., 1] - site_y) ** 2
            nearer = distance < best
            best = np.where(nearer, distance, best)
            field = np.where(nearer, number, field)
        return field


def make_landscape(settings: ScenarioSettings, seed: int, number: int) -> Landscape:
    """Makes the landscape of this number: its fields and what grows on them."""
    per_side = max(1, round(settings.landscape_m / settings.field_m))
    mesh = settings.landscape_m / per_side
    column, row = (a.ravel() for a in np.meshgrid(np.arange(per_side), np.arange(per_side)))
    jitter = [uniform(keyed(seed, f"site {axis}", number, row, column)) for axis in "xy"]
    x = (column + 0.5 + 0.86 * (jitter[0] - 0.5)) * mesh
    y = (row + 0.5 + 0.86 * (jitter[1] - 0.5)) * mesh
    turn = np.pi * float(uniform(keyed(seed, "turn", number)))
    stretch = 1.0 + 0.9 * float(uniform(keyed(seed, "stretch", number)))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    metric = rotation @ np.diag([stretch, 1.0])
    uses = settings.uses
    drawn = choose(keyed(seed, "crop", number, np.arange(len(x))), [share for _, _, share in uses])
    label, crop = np.array([use[:2] for use in uses], dtype=np.int64)[drawn].T
    return Landscape(
        settings=settings,
        seed=seed,
        number=number,
        sites=np.stack([x, y], axis=1) @ metric,
        metric=metric,
        crop=crop,
        label=label,
    )


def sampled_pixels(landscape: Landscape) -> tuple[Integers, Integers]:
    """Rows and columns of the Sentinel-2 pixels that stand for the landscape.

    In each field the ``pixels_per_field`` pixels of lowest hash, border pixels as likely as any;
    fields that hold fewer give fewer. Ordered by hash, so that the first few mix all fields.
    """
    side = landscape.side
    row, column = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    field = landscape.field_at((column + 0.5) * COARSE_M, (row + 0.5) * COARSE_M)
    keys = keyed(landscape.seed, "sampled", landscape.number, row, column)
    order = np.lexsort((keys, field))
    ordered = field[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    kept = order[np.arange(len(order)) - starts < landscape.settings.pixels_per_field]
    kept = kept[np.argsort(keys[kept], kind="stable")]
    return row[kept], column[kept]


@dataclass(frozen=True, eq=False)
class Footprints:
    """What each Sentinel-2 pixel, and the PlanetScope pixels around it, see of which field.

    Attributes:
        field: (n, K) fields of the K largest parts, the first being the pixel's own.
        fine: (n, K) weights of the bands of 10 m; rows sum to one.
        planetscope: (n, 9, K) weights of the 3 x 3 PlanetScope pixels.
        planetscope_row, planetscope_column: (n, 9) their place on the 3 m grid.
    """

    field: Integers
    fine: npt.NDArray[np.float32]
    planetscope: npt.NDArray[np.float32]
    planetscope_row: Integers
    planetscope_column: Integers


def footprints(landscape: Landscape, rows: Integers, columns: Integers) -> Footprints:
    """Computes the footprints of these Sentinel-2 pixels, with Gaussian point spread."""
    x, y = (columns + 0.5) * COARSE_M, (rows + 0.5) * COARSE_M
    middle_row = planetscope_pixel(rows, pairing=landscape.settings.pairing)
    middle_column = planetscope_pixel(columns, pairing=landscape.settings.pairing)
    steps = np.arange(-_REACH, _REACH + 1)
    patch_y = (middle_row[:, None] + np.repeat(steps, len(steps)) + 0.5) * FINE_M
    patch_x = (middle_column[:, None] + np.tile(steps, len(steps)) + 0.5) * FINE_M
    patch = landscape.field_at(patch_x, patch_y)
    own = landscape.field_at(x, y)
    away = (patch_x - x[:, None]) ** 2 + (patch_y - y[:, None]) ** 2
    part = _largest_parts(patch, own, np.exp(-0.5 * away / PSF_M[10] ** 2), landscape.num_fields)
    member = patch[:, None, :] == part[:, :, None]

    window = planetscope_window(
        rows, columns, size=landscape.fine_side, pairing=landscape.settings.pairing
    )
    window_y, window_x = ((a + 0.5) * FINE_M for a in window)
    near = (window_x[:, :, None] - patch_x[:, None, :]) ** 2
    near = near + (window_y[:, :, None] - patch_y[:, None, :]) ** 2
    spread = np.exp(-0.5 * near / PSF_M[3] ** 2)
    return Footprints(
        field=part,
        fine=_shares(np.exp(-0.5 * away / PSF_M[10] ** 2)[:, None, :], member)[:, 0],
        planetscope=_shares(spread, member),
        planetscope_row=window[0],
        planetscope_column=window[1],
    )


def neighbourhood(
    landscape: Landscape, rows: Integers, columns: Integers, *, metres: int
) -> Float32:
    """Computes share of each field in what a pixel of 20 or 60 m over these pixels sees, (n, F).

    The coarser pixel is the one of the sensor's grid that the pixel of 10 m lies in; its point
    spread is sampled at 7 x 7 points out to 1.8 deviations.
    """
    middle_x, middle_y = (
        np.asarray(a) * int(COARSE_M) // metres * metres + metres / 2 for a in (columns, rows)
    )
    steps = np.linspace(-1.8, 1.8, 7)
    away = np.exp(-0.5 * steps**2)
    weight = (away[:, None] * away).ravel() / away.sum() ** 2
    x = middle_x[:, None] + PSF_M[metres] * np.tile(steps, len(steps))
    y = middle_y[:, None] + PSF_M[metres] * np.repeat(steps, len(steps))
    field = landscape.field_at(x, y)
    shares = np.zeros((len(field), landscape.num_fields))
    np.add.at(shares, (np.arange(len(field))[:, None], field), weight)
    return shares.astype(np.float32)


def _largest_parts(patch: Integers, own: Integers, weight: Floats, num_fields: int) -> Integers:
    """Computes the fields of largest weight, (n, K), the pixel's own first.

    Repeated own where fewer.
    """
    total = np.zeros((len(patch), num_fields))
    for number in range(num_fields):
        total[:, number] = np.where(patch == number, weight, 0.0).sum(axis=1)
    total[np.arange(len(patch)), own] = np.inf
    order = np.argsort(-total, axis=1, kind="stable")[:, :_NUM_PARTS]
    present = np.take_along_axis(total, order, axis=1) > 0
    parts = np.where(present, order, -1)
    if parts.shape[1] < _NUM_PARTS:
        parts = np.pad(parts, ((0, 0), (0, _NUM_PARTS - parts.shape[1])), constant_values=-1)
    return parts


def _shares(weight: Floats, member: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Weights (n, Q, 49) summed over the members (n, K, 49) of each part: (n, Q, K), normalised."""
    shares = (weight[:, :, None, :] * member[:, None, :, :]).sum(axis=-1)
    total = shares.sum(axis=-1, keepdims=True)
    own = np.zeros_like(shares)
    own[..., 0] = 1.0
    normal = np.where(total > 1e-9, shares / np.maximum(total, 1e-9), own)
    return np.asarray(normal, dtype=np.float32)
