"""Draws the maps of the real patch in Flanders that docs/maps.md shows.

Half of the patches of declared crops (connected pixels of one code) are given as labels, and the
patch is mapped. A second map uses no label. Both are compared with the other half. Run::

    python tools/draw_flanders.py --cube flanders2018/cube.nc --out FOLDER --picture flanders.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import read_map_header
from windrow.experiments.recipes.classifier import mix, train_settings
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.pipelines.train import train
from windrow.sources.open_any import LabelledInput

NAMES = {1200: "maize", 9120: "grassland", 5100: "potato"}
"""Codes of the declaration with a name; 7900 and 2130 are other crops of few patches."""

WITHOUT_LABELS = ("maize", "grassland", "potato", "winter wheat", "winter barley", "sugar beet",
                  "broad-leaved forest", "built-up", "water")  # fmt: skip
SEED = 0


def main() -> None:
    """Trains, maps, compares and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cube", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    arguments = parser.parse_args()
    import xarray

    with xarray.open_dataset(arguments.cube, engine="h5netcdf", mask_and_scale=False) as cube:
        codes, x, y = cube["crop_code"].values, cube["x"].values, cube["y"].values
        crs = str(cube.attrs["crs"])
        colour = natural_colour(cube)
    patch, shown = split_patches(codes)
    arguments.out.mkdir(parents=True)
    parcels = arguments.out / "labels.gpkg"
    write_parcels(parcels, patch, codes, shown=shown, corner=(x[0] - 5, y[0] + 5), crs=crs)
    train(
        LabelledInput(arguments.cube, parcels, "crop"),
        train_settings(seed=SEED, with_land_covers=True),
        out=arguments.out / "classifier",
    )
    requests = {
        "seven patches": MapRequest(arguments.cube, classifier=arguments.out / "classifier"),
        "no label": MapRequest(arguments.cube, crops=WITHOUT_LABELS, mix=mix()),
    }
    maps = {}
    for name, request in requests.items():
        folder = arguments.out / name.replace(" ", "-")
        map_cube(request, out=folder, options=MapOptions(num_workers=1))
        maps[name] = folder
    figures = {name: compare(folder, codes, patch, shown) for name, folder in maps.items()}
    print(json.dumps({"patches_shown": len(shown), **figures}))
    draw(arguments.picture, colour, codes, np.isin(patch, sorted(shown)), maps)


def split_patches(
    codes: npt.NDArray[np.integer[Any]],
) -> tuple[npt.NDArray[np.int64], set[int]]:
    """Numbers the patches of named codes and chooses every second one of each, by size."""
    from scipy import ndimage

    patch = np.full(codes.shape, -1, dtype=np.int64)
    shown: set[int] = set()
    number = 0
    for code in NAMES:
        found, count = ndimage.label(codes == code)
        sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
        order = [int(at) for at in np.argsort(-sizes, kind="stable") if sizes[at] >= 9]
        for rank, at in enumerate(order):
            patch[found == at + 1] = number
            if rank % 2 == 1 or len(order) == 1:
                shown.add(number)
            number += 1
    return patch, shown


def write_parcels(
    path: Path,
    patch: npt.NDArray[np.int64],
    codes: npt.NDArray[np.integer[Any]],
    *,
    shown: set[int],
    corner: tuple[float, float],
    crs: str,
) -> None:
    """Writes the chosen patches as polygons."""
    import geopandas
    from rasterio.features import shapes
    from rasterio.transform import from_origin
    from shapely.geometry import shape
    from shapely.ops import unary_union

    transform = from_origin(corner[0], corner[1], 10, 10)
    rows = []
    for number in sorted(shown):
        inside = patch == number
        parts = shapes(inside.astype(np.uint8), mask=inside, transform=transform)
        rows.append(
            {
                "field_id": number,
                "crop": NAMES[int(codes[inside][0])],
                "geometry": unary_union([shape(part) for part, _ in parts]),
            }
        )
    geopandas.GeoDataFrame(rows, crs=crs).to_file(path)


def compare(
    folder: Path,
    codes: npt.NDArray[np.integer[Any]],
    patch: npt.NDArray[np.int64],
    shown: set[int],
) -> dict[str, float]:
    """Computes the share of right pixels by code among the patches that were not labels."""
    import rasterio

    header = read_map_header(folder)
    with rasterio.open(folder / "class.tif") as source:
        names = np.array(["", *header.class_names])[source.read(1)]
    held = (patch >= 0) & ~np.isin(patch, sorted(shown))
    right = {}
    for code, name in NAMES.items():
        own = held & (codes == code)
        if own.any():
            right[f"{name} ({int(own.sum())} pixels)"] = round(
                float((names[own] == name).mean()), 3
            )
    return right


def natural_colour(cube: Any) -> npt.NDArray[np.float64]:
    """Computes the median of the clear dates of summer in natural colours, 0..1."""
    clear = np.isin(cube["SCL"].values, (4, 5))
    summer = (cube["time"].dt.month >= 5) & (cube["time"].dt.month <= 8)
    bands = [
        np.nanmedian(np.where(clear, cube[band].values, np.nan)[summer.values], axis=0)
        for band in ("B04", "B03", "B02")
    ]
    return np.asarray(np.clip(np.nan_to_num(np.stack(bands, axis=-1)) / 1_800, 0, 1))


def draw(
    path: Path,
    colour: npt.NDArray[np.float64],
    codes: npt.NDArray[np.integer[Any]],
    labelled: npt.NDArray[np.bool_],
    maps: dict[str, Path],
) -> None:
    """Draws the image, the declaration, and both maps side by side."""
    import rasterio
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(12, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 + len(maps))
    axes[0].imshow(colour)
    axes[0].set_title("Sentinel-2, summer 2018")
    colours: dict[str, str] = {}
    for one, (name, folder) in zip(axes[2:], maps.items(), strict=True):
        header = read_map_header(folder)
        with rasterio.open(folder / "class.tif") as source:
            values = source.read(1)
        table = ["#ffffff", *(each.colour for each in header.classes)]
        one.imshow(values, cmap=ListedColormap(table), vmin=-0.5, vmax=len(table) - 0.5)
        one.set_title(f"Map from {name}")
        colours |= {each.name: each.colour for each in header.classes if each.num_pixels > 20}
    declared = np.zeros((*codes.shape, 3))
    declared[:] = 0.93
    for code, name in NAMES.items():
        rgb = [int(colours.get(name, "#888888")[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        declared[codes == code] = rgb
    declared[(codes > 0) & ~np.isin(codes, list(NAMES))] = 0.6
    axes[1].imshow(declared)
    axes[1].contour(labelled, levels=[0.5], colors="black", linewidths=1.2)
    axes[1].set_title("Declared crops; outlined: labels")
    for one in axes:
        one.set_axis_off()
    handles = [Patch(color=shade, label=name) for name, shade in sorted(colours.items())]
    figure.legend(handles=handles, loc="outside lower center", ncols=8, frameon=False, fontsize=8)
    figure.savefig(path, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
