"""Draws the pictures of docs/simulation.md into docs/images; run again when the simulator changes.

Four pictures are simulated here: spectra by crop and date, seasons by crop, a landscape at 10 m and
3 m through the year, and clouds. With ``--comparison FOLDER``, what ``windrow simulate --check``
wrote, the figures of its page are written beside them as SVG on white.

Run::

    windrow simulate --check TABLE --labels LABELS --scenario bavaria-2018 --out comparison
    python tools/draw_simulation.py --comparison comparison
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from windrow.data.planetscope_windows import planetscope_window
from windrow.data.series import Series, concatenate
from windrow.files import atomic_file, write_text
from windrow.reporting.simulation_check.page import comparison_sections
from windrow.reporting.simulation_check.reading import read_comparison
from windrow.sensors import PLANETSCOPE_BANDS, SCALE, SENTINEL2, SENTINEL2_BANDS
from windrow.simulation import ScenarioSettings, scenario_settings, simulate_parts, simulate_pixels
from windrow.simulation.fields.landscape import make_landscape

Floats = npt.NDArray[np.float64]

SCENARIO = "brandenburg-2018"
SEED = 0
NUM_SERIES = 4000
LANDSCAPE_M = 900
LANDSCAPE = 3
MONTHS = "JFMAMJJASOND"
MONTH_STARTS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
STAGES = (98, 126, 151, 182, 207, 243, 288)
"""Days of year of the spectra."""
SCENES = (75, 110, 140, 171, 206, 243, 288)
"""Days of year of the landscape."""
COMPARISON_IMAGES = {
    "How well single observations are told apart by month": "told-apart-by-month",
    "What tells simulated fields from real ones": "told-apart-by-what",
    "Few-label accuracy of real and simulated fields": "difficulty",
    "Quantiles of reflectance by band, clear and cloudy": "reflectance",
    "Correlation between bands": "band-correlation",
    "NDVI, NDMI and red edge by class through the year": "seasons-real",
    "Clouds: fraction, persistence, runs and shape": "clouds-real",
    "Autocorrelation and jumps of clear observations": "time",
}
"""What a figure of the page says to a screen reader, and the name of its file."""

_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dfe2e4",
    "savefig.facecolor": "white",
    "image.interpolation": "nearest",
    "legend.frameon": False,
}


def day_name(day: int, year: int) -> str:
    """A day of year as day and month."""
    return f"{date(year, 1, 1) + timedelta(days=day):%-d %b}"


def simulated_set(scenario: ScenarioSettings) -> Series:
    """Series without PlanetScope, of many landscapes."""
    parts = [
        replace(part, planetscope=None, planetscope_day=None)
        for part in simulate_parts(scenario, num_series=NUM_SERIES, seed=SEED)
    ]
    return concatenate(parts)


def nearest_dates(series: Series, day: int) -> npt.NDArray[np.intp]:
    """Position of each series' date nearest to a day, (N,)."""
    far = np.where(series.valid, np.abs(series.day_of_year - day), 10_000)
    return np.asarray(far.argmin(axis=1))


def draw_spectra(series: Series) -> Figure:
    """Middle spectra of each class on some days, clouds and air taken away."""
    names = series.legend.names if series.legend is not None else ()
    year = int(series.year[0])
    wavelength = [SENTINEL2[band].centre_nm for band in SENTINEL2_BANDS]
    order = np.argsort(wavelength)
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.92, len(STAGES)))
    markers = "osD^vPX"
    figure = Figure(figsize=(10.5, 7.2), layout="constrained")
    grid: Any = figure.subplots(3, 3, sharex=True, sharey=True)
    for axes, (position, name) in zip(grid.ravel(), enumerate(names), strict=False):
        own = series.select(np.flatnonzero(series.label == position))
        for stage, colour, marker in zip(STAGES, colours, markers, strict=True):
            at = (np.arange(len(own)), nearest_dates(own, stage))
            middle = np.median(own.truth["cloud_free_reflectance"][at] / SCALE, axis=0)
            axes.plot(
                np.array(wavelength)[order], middle[order], color=colour, marker=marker,
                markersize=3.5, linewidth=1.3, label=day_name(stage, year),
            )  # fmt: skip
        axes.set_title(name)
    for axes in grid[-1]:
        axes.set_xlabel("wavelength (nm)")
    for axes in grid[:, 0]:
        axes.set_ylabel("reflectance")
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(STAGES)
    )
    return figure


def draw_seasons(series: Series) -> Figure:
    """NDVI of each class by day, without clouds: the middle, half and eight of ten pixels."""
    names = series.legend.names if series.legend is not None else ()
    free = series.truth["cloud_free_reflectance"].astype(np.float64)
    red, nir = (free[..., SENTINEL2_BANDS.index(band)] for band in ("B04", "B08"))
    ndvi = (nir - red) / np.maximum(nir + red, 1)
    days = np.arange(0, 361, 5)
    figure = Figure(figsize=(10.5, 6.6), layout="constrained")
    grid: Any = figure.subplots(3, 3, sharex=True, sharey=True)
    for axes, (position, name) in zip(grid.ravel(), enumerate(names), strict=False):
        values = np.stack(
            [
                np.interp(days, series.day_of_year[row][valid], ndvi[row][valid])
                for row in np.flatnonzero(series.label == position)
                if (valid := series.valid[row]).any()
            ]
        )
        low, lower, middle, upper, high = np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9], axis=0)
        axes.fill_between(days, low, high, color="#0072b2", alpha=0.18, linewidth=0)
        axes.fill_between(days, lower, upper, color="#0072b2", alpha=0.3, linewidth=0)
        axes.plot(days, middle, color="#00436b", linewidth=1.8)
        axes.set_title(f"{name} ({len(values)} pixels)")
        axes.set_xlim(0, 365)
        axes.set_ylim(-0.1, 1)
        axes.set_xticks(MONTH_STARTS, labels=[])
        axes.set_xticks([start + 15 for start in MONTH_STARTS], labels=list(MONTHS), minor=True)
        axes.tick_params(axis="x", which="minor", length=0)
    for axes in grid[:, 0]:
        axes.set_ylabel("NDVI")
    return figure


def whole_landscape(scenario: ScenarioSettings) -> tuple[Series, Floats, int]:
    """All pixels of a small landscape, and its PlanetScope raster (365, 4, fine, fine) 0..1."""
    small = scenario.model_copy(update={"landscape_m": LANDSCAPE_M})
    ground = make_landscape(small, SEED, LANDSCAPE)
    side, fine_side = ground.side, ground.fine_side
    fine = np.full((len(SCENES), 4, fine_side, fine_side), np.nan)
    parts = []
    for row in range(0, side, 10):
        rows, columns = (
            a.ravel()
            for a in np.meshgrid(
                np.arange(row, min(row + 10, side)), np.arange(side), indexing="ij"
            )
        )
        part = simulate_pixels(small, seed=SEED, landscape=LANDSCAPE, rows=rows, columns=columns)
        if part.planetscope is None:
            raise SystemExit(f"scenario {scenario.name} has no PlanetScope series to draw")
        at = planetscope_window(rows, columns, size=fine_side, pairing=small.pairing)
        seen = part.planetscope[:, list(SCENES)].reshape(len(rows), len(SCENES), 4, 9) / SCALE
        for scene in range(len(SCENES)):
            for band in range(4):
                fine[scene, band, at[0], at[1]] = seen[:, scene, band]
        parts.append(replace(part, planetscope=None, planetscope_day=None))
    for line in range(1, fine_side):  # windows lie three or four pixels apart
        gap = np.isnan(fine[:, :, :, line]).all(axis=(0, 1, 2))
        if gap:
            fine[:, :, :, line] = fine[:, :, :, line - 1]
    for line in range(1, fine_side):
        if np.isnan(fine[:, :, line]).all():
            fine[:, :, line] = fine[:, :, line - 1]
    return concatenate(parts), fine, side


def picture(bands: Floats, brightest: Sequence[float]) -> Floats:
    """Three bands (3, H, W) as colours (H, W, 3), a square root from 0 to ``brightest``."""
    scaled = np.clip(bands / np.array(brightest)[:, None, None], 0, 1)
    return np.asarray(np.moveaxis(np.sqrt(scaled), 0, -1))


def image_of(series: Series, values: npt.NDArray[Any], scene: int, side: int) -> Floats:
    """Values (N, T, 12) of one date as (12, side, side), 0..1."""
    found = values[np.arange(len(series)), scene] / SCALE
    return np.asarray(np.moveaxis(found.reshape(side, side, -1), -1, 0))


def draw_landscape(series: Series, fine: Floats, side: int) -> Figure:
    """One landscape through the year at 10 m and 3 m: natural colours and NDVI, no clouds."""
    year = int(series.year[0])
    figure = Figure(figsize=(10.5, 6.3), layout="constrained")
    grid: Any = figure.subplots(4, len(SCENES))
    position = {band: SENTINEL2_BANDS.index(band) for band in ("B04", "B03", "B02", "B08")}
    fine_position = {
        band: PLANETSCOPE_BANDS.index(band) for band in ("red", "green", "blue", "nir")
    }
    for column, day in enumerate(SCENES):
        at = int(nearest_dates(series, day)[0])
        free = image_of(series, series.truth["cloud_free_reflectance"], at, side)
        coarse = free[list(position.values())]
        near = fine[column][list(fine_position.values())]
        for row, bands in ((0, coarse), (1, near)):
            grid[row, column].imshow(picture(bands[:3], (0.25, 0.25, 0.25)))
            ndvi = (bands[3] - bands[0]) / (bands[3] + bands[0])
            drawn = grid[row + 2, column].imshow(ndvi, cmap="cividis", vmin=0, vmax=0.9)
        grid[0, column].set_title(day_name(int(series.day_of_year[0, at]), year), fontsize=9)
        grid[1, column].set_title(day_name(day, year), fontsize=9)
    names = ("Sentinel-2, 10 m", "PlanetScope, 3 m", "NDVI, 10 m", "NDVI, 3 m")
    for axes, name in zip(grid[:, 0], names, strict=True):
        axes.set_ylabel(name)
    figure.colorbar(drawn, ax=list(grid[2:].ravel()), shrink=0.6, pad=0.01, label="NDVI")
    without_axes(grid.ravel())
    return figure


def without_axes(panels: Any) -> None:
    """Images need neither ticks nor a grid."""
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(True)
            side.set_color("#9aa0a5")


def draw_clouds(series: Series, side: int) -> Figure:
    """Some days as Sentinel-2 measured them, from clear to cloudy, and their cloud probability."""
    if series.cloud_probability is None:
        raise SystemExit("the series have no cloud probability to draw")
    year = int(series.year[0])
    share = (series.cloud_probability >= 102).mean(axis=0)
    summer = series.valid[0] & (series.day_of_year[0] > 100) & (series.day_of_year[0] < 280)
    wanted = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    chosen: list[int] = []
    for target in wanted:
        far = np.where(summer, np.abs(share - target), np.inf)
        far[chosen] = np.inf
        chosen.append(int(far.argmin()))
    figure = Figure(figsize=(10.5, 3.5), layout="constrained")
    grid: Any = figure.subplots(2, len(chosen))
    bands = [SENTINEL2_BANDS.index(band) for band in ("B04", "B03", "B02")]
    for column, at in enumerate(sorted(chosen, key=lambda each: float(share[each]))):
        seen = image_of(series, series.reflectance, at, side)
        grid[0, column].imshow(picture(seen[bands], (0.6, 0.6, 0.6)))
        grid[0, column].set_title(day_name(int(series.day_of_year[0, at]), year), fontsize=9)
        cloud = series.cloud_probability[:, at].reshape(side, side) / 255
        drawn = grid[1, column].imshow(cloud, cmap="cividis", vmin=0, vmax=1)
        grid[1, column].set_title(f"{100 * share[at]:.0f} % cloudy", fontsize=9)
    grid[0, 0].set_ylabel("red, green, blue")
    grid[1, 0].set_ylabel("cloud probability")
    figure.colorbar(drawn, ax=list(grid[1]), shrink=0.8, pad=0.01)
    without_axes(grid.ravel())
    return figure


def save(figure: Figure, path: Path) -> None:
    """Writes a picture of 256 colours, a third of the bytes of all colours."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    image = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    with atomic_file(path) as temporary:
        image.save(temporary, format="png", optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def standalone(svg: str) -> str:
    """A figure of the page as a file of its own: light colours, white ground, one decimal."""
    page = (Path(__file__).parent.parent / "src/windrow/reporting/report.html.j2").read_text(
        "utf-8"
    )
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", page[: page.index("@media")]))
    text = re.sub(r"var\(--sans\)", "Helvetica, Arial, sans-serif", svg)
    text = re.sub(r"var\(--([a-z-]+)\)", lambda found: light[found.group(1)], text)
    text = re.sub(
        r"<[^>]+>", lambda tag: re.sub(r"(?<!opacity: )\b(\d+\.\d)\d+", r"\1", tag.group(0)), text
    )
    opening, rest = text.split(">", 1)
    opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')
    return f'{opening}><rect width="100%" height="100%" fill="#ffffff"/>{rest}\n'


def write_comparison_figures(folder: Path, images: Path) -> None:
    """The figures of a comparison's page, by the names of ``COMPARISON_IMAGES``."""
    for section in comparison_sections(read_comparison(folder)):
        for drawing in section.drawings:
            label = re.search(r'aria-label="([^"]*)"', drawing.svg)
            if label is None:
                raise SystemExit("a figure of the page does not say what it shows")
            path = images / f"{COMPARISON_IMAGES[label.group(1)]}.svg"
            write_text(path, standalone(str(drawing.svg)))
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Draws everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    parser.add_argument("--comparison", type=Path, help="a folder of windrow simulate --check")
    parser.add_argument("--comparison-only", action="store_true")
    options = parser.parse_args()
    if options.comparison is not None:
        write_comparison_figures(options.comparison, options.images)
    if options.comparison_only:
        return
    scenario = scenario_settings(SCENARIO)
    with mpl.rc_context(_STYLE):
        series = simulated_set(scenario)
        save(draw_spectra(series), options.images / "spectra.png")
        save(draw_seasons(series), options.images / "seasons.png")
        landscape, fine, side = whole_landscape(scenario)
        save(draw_landscape(landscape, fine, side), options.images / "landscape.png")
        save(draw_clouds(landscape, side), options.images / "clouds.png")


if __name__ == "__main__":
    main()
