"""The folder of a map: its layers from the blocks, and the files beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.data.map_folder import (
    HEADER,
    LayerName,
    MapClass,
    MapGrid,
    MapHeader,
    MapLayer,
)
from windrow.files import write_json, write_text
from windrow.mapping.catalog import (
    ITEM,
    LEGEND,
    class_names_for_gdal,
    legend_table,
    pixel_area,
    stac_item,
)
from windrow.mapping.geotiff_writer import TILE, Strip, write_layer
from windrow.mapping.style import class_colours, class_style, ramp_style
from windrow.pipelines.maps.blocks import WORK, MapJob, read_block
from windrow.sources.cubes.open_cube import OpenCube
from windrow.version import __version__


@dataclass
class Counts:
    """Counts over all blocks.

    Attributes:
        num_pixels: pixels of each class, by its position.
        num_without_data: pixels without a clear date.
        num_observations: pixels times dates with data.
        num_out_of_range: of these, those left out as impossible reflectance.
    """

    num_pixels: npt.NDArray[np.int64]
    num_without_data: int = 0
    num_observations: int = 0
    num_out_of_range: int = 0


def map_header(
    cube: OpenCube,
    fitted: MixedClassifier,
    job: MapJob,
    counts: Counts,
    *,
    labelled: bool,
) -> MapHeader:
    """Describes a map whose blocks are all there.

    Args:
        cube: the cube.
        fitted: the classifier with the scene as its context.
        job: what was computed.
        counts: counts over all blocks.
        labelled: whether the classifier was fitted on labels.
    """
    facts, known = cube.facts, fitted.fitted
    colours = class_colours(known.crops, fitted.classes)
    per_class = np.bincount(known.label[known.label >= 0], minlength=len(fitted.classes))
    grid = MapGrid(
        height=facts.grid.height,
        width=facts.grid.width,
        transform=facts.grid.transform,
        crs=facts.grid.crs,
        pixel_area=None,
    )
    grid = grid.model_copy(update={"pixel_area": pixel_area(grid)})
    labels = (
        f"{int(per_class.sum())} labelled series of {int((per_class > 0).sum())} classes"
        if labelled
        else "no label was used: classes follow from simulated places alone"
    )
    return MapHeader(
        format="windrow map",
        version=1,
        classes=tuple(
            MapClass(
                value=number + 1,
                name=name,
                colour=colours[name],
                num_pixels=int(counts.num_pixels[number + 1]),
                crops=tuple(known.crops.get(name, ())),
                num_labelled=int(per_class[number]),
            )
            for number, name in enumerate(fitted.classes)
        ),
        grid=grid,
        layers=dict(job.layers),
        first_date=str(facts.dates.min()),
        last_date=str(facts.dates.max()),
        num_dates=len(facts.dates),
        season_start=facts.season_start,
        bands=job.bands,
        processing_level=facts.processing_level,
        labels=labels,
        num_pixels=facts.grid.height * facts.grid.width,
        num_without_data=counts.num_without_data,
        classifier_hash=job.classifier_hash,
        weights_hash=fitted.encoder.content_hash,
        software=f"windrow {__version__}",
    )


def write_map(folder: Path, header: MapHeader, job: MapJob) -> None:
    """Writes layers, styles, legend and item; the description of the map comes last.

    Raises:
        OutputError: the disk is full, or a block is damaged.
    """
    tags = {
        "SOFTWARE": header.software,
        "LABELS": header.labels,
        "DATES": f"{header.first_date} to {header.last_date}",
        "CLASSIFIER": header.classifier_hash,
        "WEIGHTS": header.weights_hash,
        "SOURCE_DATA": "Sentinel-2 " + header.processing_level,
    }
    named = {f"CLASS_{each.value}": each.name for each in header.classes}
    for name, layer in header.layers.items():
        write_layer(
            folder / layer.file,
            name,
            layer,
            grid=header.grid,
            classes=header.classes,
            strips=_strips(folder / WORK, job, name, layer),
            tags={**tags, **named} if name in ("class", "probabilities") else tags,
        )
        style = class_style(header.classes) if name == "class" else ramp_style(name)
        if style is not None:
            write_text(folder / f"{Path(layer.file).stem}.qml", style)
    write_text(folder / (header.layers["class"].file + ".aux.xml"), class_names_for_gdal(header))
    write_text(folder / LEGEND, legend_table(header))
    write_json(folder / ITEM, stac_item(header, folder.name))
    write_json(folder / HEADER, header.to_dict())


def _strips(work: Path, job: MapJob, name: LayerName, layer: MapLayer) -> Iterator[Strip]:
    """Yields the rows of a layer from the top, a row of tiles at a time."""
    height = max(row + rows for row, _, rows, _ in job.windows)
    width = max(column + columns for _, column, _, columns in job.windows)
    for top in range(0, height, TILE):
        bottom = min(height, top + TILE)
        strip = np.full(
            (layer.num_bands, bottom - top, width), layer.no_data, dtype=np.dtype(layer.dtype)
        )
        for number, (row, column, rows, columns) in enumerate(job.windows):
            first, last = max(top, row), min(bottom, row + rows)
            if first >= last:
                continue
            values, _ = read_block(work, number, only=name)
            block = values[name].reshape(layer.num_bands, rows, columns)
            strip[:, first - top : last - top, column : column + columns] = block[
                :, first - row : last - row
            ]
        yield top, strip


def count_lines(counts: Counts, header: MapHeader) -> Iterator[str]:
    """Yields lines that tell a user what has no class and what was left out."""
    if header.num_without_data:
        share = header.num_without_data / header.num_pixels
        yield (
            f"{header.num_without_data:,} of {header.num_pixels:,} pixels have no clear date and"
            f" no class ({share:.1%})"
        )
    if counts.num_out_of_range:
        yield f"{counts.num_out_of_range:,} observations with impossible reflectance left out"
