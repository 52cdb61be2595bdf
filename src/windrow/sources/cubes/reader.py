"""Readers of image cubes: netCDF and Zarr, folders of GeoTIFFs, STAC items; with their labels.

Labels are parcels in any CRS (GeoPackage, GeoJSON, Shapefile, GeoParquet), or a variable of crop
codes in the cube. Without labels every pixel becomes a series.
"""

from __future__ import annotations

from pathlib import Path

from windrow.errors import DataError, SettingsError
from windrow.sources.cubes.geotiffs import open_image_cube
from windrow.sources.cubes.netcdf import FileCube, is_cube_file, open_file_cube
from windrow.sources.cubes.open_cube import describe_cube
from windrow.sources.cubes.parcel_sample import choose_pixels
from windrow.sources.cubes.planetscope_pairs import PlanetScopePairs, open_pairs
from windrow.sources.cubes.series import parcel_series, pixel_series, plan
from windrow.sources.cubes.stac import is_stac, open_stac_cube
from windrow.sources.cubes.targets import EveryPixel, ParcelPixels, Targets, patches_of_codes
from windrow.sources.cubes.values import find_meaning
from windrow.sources.labels.parcel_polygons import is_vector_file, read_parcels
from windrow.sources.rasters.geotiff_header import find_images
from windrow.sources.rasters.grid import Cube, CubeFacts
from windrow.sources.reader import (
    FieldProperties,
    IngestOptions,
    Reading,
    ReadingSummary,
    refuse_options,
)

OPTIONS = frozenset(
    {
        "labels",
        "label_column",
        "layer",
        "no_data_class",
        "keep_class",
        "id_column",
        "legend",
        "average_parcels",
        "edge_pixels",
        "pixels_per_parcel",
        "scale",
        "baseline_offset",
        "processing_level",
        "year",
        "season_start",
        "num_series",
        "bands",
        "cloud_column",
        "cloud_measure",
        "no_data",
        "crs",
        "planetscope",
    }
)


def recognises_file(path: Path) -> bool:
    """Whether this is a netCDF file or a Zarr group that is no series store."""
    return is_cube_file(path)


def recognises_images(path: Path) -> bool:
    """Whether this is a folder of GeoTIFFs with dates in their names."""
    return bool(find_images(path))


def recognises_stac(path: Path) -> bool:
    """Whether this is a static STAC catalogue or item collection, or the address of a server."""
    return is_stac(path)


def read_file(path: Path, options: IngestOptions) -> Reading:
    """Opens a netCDF or Zarr cube; ``cloud_column`` names its cloud variable.

    Raises:
        DataError: the cube or its labels cannot be used.
        SettingsError: an option does not fit.
    """
    refuse_options(options, OPTIONS | {"pixel_coordinates"}, product="a netCDF or Zarr cube")
    return _read(path, open_file_cube(path, options), "cube", options)


def read_images(path: Path, options: IngestOptions) -> Reading:
    """Opens a folder of GeoTIFFs; ``bands`` names the bands of a file in their order.

    Raises:
        DataError: files do not belong together, or the labels cannot be used.
        SettingsError: an option does not fit.
    """
    refuse_options(options, OPTIONS, product="a folder of GeoTIFFs")
    return _read(path, open_image_cube(path, options), "GeoTIFFs", options)


def read_stac(path: Path, options: IngestOptions) -> Reading:
    """Opens STAC items; a server is asked for what covers the labels in the ``year``.

    Raises:
        DataError: items do not belong together, or the labels cannot be used.
        SettingsError: an option does not fit.
    """
    refuse_options(options, OPTIONS | {"collection", "area"}, product="STAC items")
    return _read(path, open_stac_cube(path, options), "STAC items", options)


def _read(path: Path, cube: Cube, product: str, options: IngestOptions) -> Reading:
    summary = ReadingSummary(source=str(path))
    facts = cube.facts
    summary.say("product", product)
    describe_cube(facts, options, summary)
    targets = _targets(cube, options, summary)
    properties = _properties(targets, cube, options)
    if options.edge_pixels or options.pixels_per_parcel is not None:
        targets = choose_pixels(targets, facts.grid, options, summary)
    meaning = find_meaning(cube, options, summary)
    pairs = _pairs(facts, options, summary)
    steps = plan(cube, meaning, targets, options, summary)
    provenance: dict[str, object] = {"product": product, "grid": facts.grid.described()}
    if options.labels is not None:
        provenance["labels"] = options.labels.name
    if pairs is not None:
        provenance["planetscope"] = [each.path.name for day in pairs.scenes for each in day]
    parts = (
        parcel_series(steps, summary)
        if options.average_parcels
        else pixel_series(steps, summary, pairs=pairs)
    )
    return Reading(parts=parts, summary=summary, provenance=provenance, properties=properties)


def _properties(targets: Targets, cube: Cube, options: IngestOptions) -> FieldProperties | None:
    if isinstance(targets, ParcelPixels):
        parcels = targets.parcels
        return FieldProperties(
            str(parcels.source), parcels.label_column, parcels.id, parcels.columns
        )
    if targets.legend is None:
        return None
    return FieldProperties(
        cube.facts.names[0], options.label_column or "crop codes", targets.field_ids, {}
    )


def _pairs(
    facts: CubeFacts, options: IngestOptions, summary: ReadingSummary
) -> PlanetScopePairs | None:
    """Returns the PlanetScope scenes beside the cube, where a folder of them is given."""
    if options.planetscope in ("auto", "none"):
        return None
    if not isinstance(options.planetscope, Path):
        raise SettingsError(
            f"--planetscope {options.planetscope} names files of DENETHOR",
            where=facts.names[0],
            expected="a folder of PlanetScope GeoTIFFs",
        )
    if options.average_parcels:
        raise SettingsError(
            "PlanetScope is paired with pixels, not with means of parcels",
            where=options.planetscope,
            hint="leave out --average-parcels or --planetscope",
        )
    return open_pairs(options.planetscope, facts, crs=options.crs, summary=summary)


def _targets(cube: Cube, options: IngestOptions, summary: ReadingSummary) -> Targets:
    if options.labels is not None:
        if not is_vector_file(options.labels):
            raise SettingsError(
                "labels of a cube are parcels",
                where=options.labels,
                expected="a GeoPackage, GeoJSON, Shapefile or GeoParquet",
            )
        grid = cube.facts.grid
        if grid.crs is None:
            raise DataError(
                "the cube has no CRS to lay labels on",
                where=cube.facts.names[0],
                hint="give it with --crs, such as --crs EPSG:32631",
            )
        return ParcelPixels(read_parcels(options.labels, grid, options, summary), grid)
    if options.layer or options.no_data_class or options.keep_class:
        raise SettingsError("an option of parcels without parcels", hint="give --labels")
    if isinstance(cube, FileCube):
        found = cube.label_codes(options.label_column)
        if found is not None:
            name, codes = found
            summary.say("labels", f"variable {name!r}, 0 where nothing is declared")
            variable = f"{cube.facts.names[0]}, variable {name}"
            return patches_of_codes(codes, legend=options.legend, where=variable, summary=summary)
    if options.average_parcels or options.label_column or options.id_column or options.legend:
        raise SettingsError("an option of labels without labels", hint="give --labels")
    summary.say("labels", "none: every pixel is its own field")
    return EveryPixel()
