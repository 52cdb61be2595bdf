"""What a map is asked for: the cube, the classifier, and how to compute it; all is checked here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from windrow.classifiers.mix import MixSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.classifiers.saved_classifier import classifier_hash, read_classifier
from windrow.data.map_folder import HEADER
from windrow.errors import DataError, OutputError, SettingsError
from windrow.files import refuse_existing
from windrow.mapping.scene import Scene
from windrow.pipelines.assumed_crops import crops_by_name
from windrow.pipelines.maps.blocks import JOB, WORK, MapJob
from windrow.processes import number_of_cores
from windrow.sources.cubes.open_cube import OpenCube, open_cube
from windrow.sources.rasters.grid import CubeFacts, Window, windows
from windrow.sources.reader import CubeOptions

SAMPLE_PIXELS = 2_048
"""Number of pixels that show the scene to the classifier, as ``windrow classify`` takes."""

_PROCESS_BYTES = 500 * 2**20
"""Memory of a process before it reads a pixel: Python, torch and the classifier."""

_BYTES_PER_VALUE = 11
"""Bytes that a raw value needs on its way: as read, as int32, as int16, and what marks it."""

_BYTES_PER_PIXEL = 20_000
"""Bytes that a pixel needs besides: its ten-day calendar in steps, and its layers."""

_LARGEST_BLOCK_BYTES = 2**30
"""Memory of a block where there is plenty, so that progress shows and little is lost by a stop."""


@dataclass(frozen=True)
class MapRequest:
    """What is mapped, and by what.

    Attributes:
        source: a netCDF or Zarr cube, a folder of GeoTIFFs, or STAC items.
        classifier: a folder written by ``windrow train``; or give ``crops``.
        crops: names of crops, for a map without labels.
        mix: the settings of the classifier without labels.
        cube_options: how to read the cube, where it should not be detected.
        every_probability: write the probability of every class as a layer too.
        weights: a run directory, a file, or the name of shipped weights.
    """

    source: str | Path
    classifier: str | Path | None = None
    crops: Sequence[str] = ()
    mix: MixSettings | None = None
    cube_options: CubeOptions = field(default_factory=CubeOptions)
    every_probability: bool = False
    weights: str | Path = DEFAULT_WEIGHTS


@dataclass(frozen=True)
class MapOptions:
    """How a map is computed. Nothing here changes a pixel of it.

    Attributes:
        memory: largest memory of all processes together, GiB.
        num_workers: number of processes of one thread; None takes one per core.
        scheduler: address of a dask scheduler that runs the blocks instead.
        resume: go on with a map that was begun in the folder.
        block_pixels: largest number of pixels in a block; None takes what the memory allows.
    """

    memory: float = 4.0
    num_workers: int | None = None
    block_pixels: int | None = None
    scheduler: str | None = None
    resume: bool = False


@dataclass(frozen=True, eq=False)
class Prepared:
    """Cube and classifier, opened and checked.

    Attributes:
        cube: the cube.
        encoder: the place network.
        given: the classifier as it was given; None for a map by crops.
        bands: bands to read.
        lines: what is to be said of the bands.
        fingerprint: hash of the classifier, or of the names of crops.
    """

    cube: OpenCube
    encoder: PlaceEncoder
    given: MixedClassifier | None
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    fingerprint: str


def prepare(request: MapRequest) -> Prepared:
    """Opens cube and classifier and checks that they fit together.

    Raises:
        SettingsError: both or none of classifier and crops are given, or an option does not fit.
        WindrowError: the cube and the classifier cannot be used together.
    """
    if (request.classifier is None) == (not request.crops):
        raise SettingsError("give either --classifier or --crops")
    encoder = load_place_encoder(request.weights)
    given = None
    if request.classifier is not None:
        given = read_classifier(request.classifier, encoder)
        fingerprint = classifier_hash(request.classifier)
    elif request.mix is None:
        raise SettingsError("a map by crops needs the settings of the mix")
    else:
        crops_by_name(request.crops, encoder)
        fingerprint = hashlib.sha256(repr(sorted(request.crops)).encode()).hexdigest()
    cube = open_cube(Path(request.source), request.cube_options.for_ingest())
    _check_crs(cube)
    bands, lines = _bands(cube.facts, given)
    return Prepared(cube, encoder, given, bands, lines, fingerprint)


def check_folder(folder: Path, *, resume: bool) -> None:
    """Refuses a folder that a map cannot be written to.

    Raises:
        OutputError: it exists, or there is nothing to go on with.
    """
    if (folder / HEADER).exists():
        raise OutputError(
            "the map exists", where=folder, hint="choose another folder, or remove it"
        )
    if resume:
        if not (folder / WORK / JOB).is_file():
            raise OutputError(
                "no map was begun here",
                where=folder,
                expected=f"a folder with {WORK}/{JOB}",
                hint="leave --resume out",
            )
    elif (folder / WORK / JOB).is_file():
        raise OutputError(
            "a map was begun here", where=folder, hint="go on with --resume, or remove the folder"
        )
    else:
        refuse_existing(folder)


def _check_crs(cube: OpenCube) -> None:
    if cube.facts.grid.crs is None:
        raise DataError(
            "the CRS of the cube is not known",
            where=cube.facts.names[0],
            hint="give it with --crs, such as EPSG:32631",
        )


def _bands(
    facts: CubeFacts, given: MixedClassifier | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Chooses the bands that cube and classifier share, and says which are not used."""
    if given is None:
        return facts.bands, ()
    fitted = given.fitted
    if fitted.level != facts.processing_level:
        raise DataError(
            "the classifier was fitted on another processing level",
            where=facts.names[0],
            found=facts.processing_level,
            expected=fitted.level,
            hint="map images of that level; if it was told wrongly, give --processing-level",
        )
    bands = tuple(band for band in fitted.bands if band in facts.bands)
    if not bands:
        raise DataError(
            "the cube has no band of the classifier",
            where=facts.names[0],
            found=" ".join(facts.bands),
            expected=" ".join(fitted.bands),
        )
    lines = []
    if missing := [band for band in fitted.bands if band not in bands]:
        lines.append(f"the classifier was fitted anew without {' '.join(missing)}: not in the cube")
    if unread := [band for band in facts.bands if band not in bands]:
        lines.append(f"not used, since the classifier lacks them: {' '.join(unread)}")
    return bands, tuple(lines)


def plan_job(prepared: Prepared, request: MapRequest, options: MapOptions) -> MapJob:
    """Cuts the scene into blocks. Its layers and latitude follow from the classifier, later.

    Raises:
        SettingsError: the memory is too small for the processes.
    """
    facts = prepared.cube.facts
    source, weights = Path(request.source), Path(request.weights)
    return MapJob(
        source=str(source.absolute()) if source.exists() else str(source),
        cube_options=request.cube_options,
        weights=str(weights.absolute()) if weights.exists() else str(weights),
        bands=prepared.bands,
        windows=tuple((w.row, w.column, w.height, w.width) for w in _blocks(facts, options)),
        cube_hash=hashlib.sha256("\n".join(facts.identity).encode()).hexdigest(),
        classifier_hash=prepared.fingerprint,
        latitude=None,
        layers={},
    )


def _blocks(facts: CubeFacts, options: MapOptions) -> list[Window]:
    """Cuts the grid into blocks of as many pixels as the memory allows."""
    num_workers = processes_of(options)
    own = options.memory * 2**30 / num_workers - _PROCESS_BYTES
    per_pixel = (
        len(facts.dates) * (len(facts.bands) + 1) * (facts.itemsize + _BYTES_PER_VALUE - 2)
        + _BYTES_PER_PIXEL
    )
    if own < per_pixel * 256:
        least = num_workers * (_PROCESS_BYTES + 4_096 * per_pixel) / 2**30
        raise SettingsError(
            "--memory is too small",
            found=f"{options.memory:g} GiB for {num_workers} processes",
            expected=f"at least {least:.1f} GiB",
            hint="give more, or take fewer --workers",
        )
    limit = min(own, _LARGEST_BLOCK_BYTES, (options.block_pixels or np.inf) * per_pixel)
    return list(windows(facts.grid, facts.native, per_pixel, limit=int(limit)))


def processes_of(options: MapOptions) -> int:
    """Returns the number of processes: the one given, or one per core."""
    return options.num_workers or number_of_cores()


def same_job(work: Path, wanted: MapJob, *, every_probability: bool) -> MapJob:
    """Reads the job of a map that was begun, after a look that it is the same map.

    Args:
        work: the folder of the unfinished map.
        wanted: the job as it would begin now; its blocks may differ.
        every_probability: whether the probability of every class is wanted.

    Raises:
        OutputError: it is another map, or its job is damaged.
    """
    begun = MapJob.read(work)
    same = ("cube_hash", "classifier_hash", "bands", "cube_options", "weights")
    other = any(getattr(begun, name) != getattr(wanted, name) for name in same)
    if other or every_probability != ("probabilities" in begun.layers):
        raise OutputError(
            "the map in this folder was begun with another cube, classifier or option",
            where=work.parent,
            hint="give the same again, or begin in another folder",
        )
    return begun


def fit(prepared: Prepared, request: MapRequest) -> MixedClassifier:
    """Shows the scene to the classifier, or fits one on the names of crops.

    Raises:
        DataError: no pixel of the scene's sample has a clear date.
    """
    given = prepared.given
    scene = Scene(
        prepared.cube,
        bands=prepared.bands,
        clear_below=prepared.encoder.header.clear_below,
        latitude=None if given is None else given.fitted.latitude,
    )
    sample = scene.sample(SAMPLE_PIXELS)
    if given is not None:
        return given.with_bands(prepared.bands).with_context(sample)
    assert request.mix is not None
    crops = crops_by_name(request.crops, prepared.encoder)
    return MixedClassifier(prepared.encoder, request.mix).fit(
        sample, [None] * len(sample), crops=crops
    )
