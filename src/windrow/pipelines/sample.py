"""A sample of a map's pixels for somebody to interpret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow.data.map_folder import MapHeader, read_map_header
from windrow.errors import SettingsError
from windrow.evaluation.sample_allocation import Allocation, allocate, expected_standard_error
from windrow.files import check_output
from windrow.mapping.map_layers import class_sizes, row_areas
from windrow.mapping.sample_pixels import draw_pixels
from windrow.pipelines.run.table_writer import OUTPUT_SUFFIXES, write_result


@dataclass(frozen=True)
class SampleDesign:
    """How a sample is drawn.

    Attributes:
        size: number of pixels.
        allocation: how they are divided among the classes of the map.
        min_per_class: least number of pixels of a class.
        expected_accuracy: expected user's accuracy by class, 0..1; for a class that is not
            named, its mean probability in the map.
        show_map_class: whether the table names the class of the map.
        seed: every draw follows from it.
    """

    size: int
    allocation: Allocation = "proportional"
    min_per_class: int = 50
    expected_accuracy: Mapping[str, float] = field(default_factory=dict)
    show_map_class: bool = False
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sampled:
    """What was drawn.

    Attributes:
        classes: (C,) names.
        num_pixels: (C,) pixels of each class in the map.
        num_samples: (C,) pixels drawn.
        expected_accuracy: (C,) what the standard error rests on; nan for a class without a pixel.
        standard_error: expected standard error of the overall accuracy, 0..1.
        num_without_data: pixels of the map without a class, which no sample represents.
    """

    classes: tuple[str, ...]
    num_pixels: npt.NDArray[np.int64]
    num_samples: npt.NDArray[np.int64]
    expected_accuracy: npt.NDArray[np.float64]
    standard_error: float
    num_without_data: int


def sample_map(
    folder: str | Path,
    design: SampleDesign,
    *,
    out: str | Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> Sampled:
    """Draws a stratified random sample of a map and writes the points to interpret.

    The strata are the classes of the map. So that interpretation stays blind, strata have numbers
    in an order by chance, unless the class of the map is asked for.

    Args:
        folder: the map.
        design: how to draw.
        out: the points (.gpkg, .geojson, .csv or .parquet); must not exist. The columns are
            ``id``, ``stratum``, ``stratum_area`` (square metres), ``inclusion_probability``,
            ``lon``, ``lat`` and an empty ``class``.
        on_progress: called with the rows done and wanted, in two passes.

    Raises:
        SettingsError: the size is too small or too large, or an expected accuracy is unknown.
        DataError: the map is damaged or has no CRS.
        OutputError: the file exists or cannot be written.
    """
    header = read_map_header(folder)
    check_output(out, inputs=[folder], suffixes=OUTPUT_SUFFIXES)
    row_areas(header.grid, folder)
    sizes = class_sizes(folder, header, on_progress=on_progress)
    expected = _expected(header, sizes.probability, sizes.num_pixels, design)
    numbers = allocate(
        sizes.num_pixels,
        size=design.size,
        min_per_class=design.min_per_class,
        allocation=design.allocation,
        expected_accuracy=np.nan_to_num(expected),
    )
    random = np.random.default_rng(design.seed)
    rows, columns, drawn = draw_pixels(
        folder, header, num_pixels=sizes.num_pixels, num_samples=numbers, random=random,
        on_progress=on_progress,
    )  # fmt: skip
    longitude, latitude = _degrees(header, rows, columns)
    codes = random.permutation(len(numbers))
    names = np.array(header.class_names)
    stratum = names[drawn] if design.show_map_class else (codes[drawn] + 1).astype(np.str_)
    probability = numbers / np.maximum(sizes.num_pixels, 1)
    table = {
        "id": pa.array(np.arange(1, len(drawn) + 1)),
        "stratum": pa.array(stratum.tolist()),
        "stratum_area": pa.array(sizes.area[drawn]),
        "inclusion_probability": pa.array(probability[drawn]),
        "lon": pa.array(longitude),
        "lat": pa.array(latitude),
        "class": pa.array([""] * len(drawn)),
    }
    if design.show_map_class:
        table["map_class"] = pa.array(names[drawn].tolist())
    write_result(out, pa.table(table), longitude=longitude, latitude=latitude)
    return Sampled(
        classes=header.class_names,
        num_pixels=sizes.num_pixels,
        num_samples=numbers,
        expected_accuracy=expected,
        standard_error=expected_standard_error(sizes.area, numbers, np.nan_to_num(expected)),
        num_without_data=sizes.num_without_data,
    )


def _expected(
    header: MapHeader,
    probability: npt.NDArray[np.float64],
    num_pixels: npt.NDArray[np.int64],
    design: SampleDesign,
) -> npt.NDArray[np.float64]:
    expected = probability.copy()
    for name, value in design.expected_accuracy.items():
        if name not in header.class_names:
            raise SettingsError(
                f"--expected-accuracy names an unknown class {name!r}",
                expected="one of " + ", ".join(header.class_names),
            )
        if not 0 <= value <= 1:
            raise SettingsError("--expected-accuracy is out of range", found=value, expected="0..1")
        expected[header.class_names.index(name)] = value
    unknown = [
        name
        for name, value, number in zip(header.class_names, expected, num_pixels, strict=True)
        if number and np.isnan(value)
    ]
    if unknown:
        raise SettingsError(
            "the map holds no probability to expect an accuracy from",
            found=", ".join(unknown),
            hint="name one with --expected-accuracy CLASS=0.8",
        )
    return expected


def _degrees(
    header: MapHeader, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from pyproj import Transformer
    from rasterio import Affine

    x, y = Affine(*header.grid.transform) * (columns + 0.5, rows + 0.5)
    transformer = Transformer.from_crs(header.grid.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = transformer.transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)
