"""One block of a map, as a process does it: read, classify, keep the layers in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.classifiers.saved_classifier import read_classifier
from windrow.config import Settings
from windrow.data.map_folder import LayerName, MapLayer
from windrow.errors import DataError, OutputError
from windrow.files import atomic_file
from windrow.mapping.predict import block_layers
from windrow.mapping.scene import Scene
from windrow.sources.cubes.open_cube import open_cube
from windrow.sources.rasters.grid import Window
from windrow.sources.reader import CubeOptions

WORK = ".work"
"""Folder of an unfinished map: its job, its classifier and its blocks."""

JOB = "job.json"


class MapJob(Settings):
    """What every process must know of a map.

    Attributes:
        source: path or address of the cube.
        cube_options: how it is read.
        weights: path or name of the weights.
        bands: bands to read.
        windows: row, column, height and width of the blocks.
        cube_hash: changes when the files of the cube do.
        classifier_hash: hash of the classifier as it was given, or of the names of crops.
        latitude: latitude by which the seasons are shifted.
        layers: the layers to compute.
    """

    source: str
    cube_options: CubeOptions
    weights: str
    bands: tuple[str, ...]
    windows: tuple[tuple[int, int, int, int], ...] = Field(min_length=1)
    cube_hash: str
    classifier_hash: str
    latitude: float | None
    layers: dict[LayerName, MapLayer]

    @classmethod
    def read(cls, work: Path) -> MapJob:
        """Reads the job of a folder.

        Raises:
            OutputError: it is damaged.
        """
        try:
            values = json.loads((work / JOB).read_text(encoding="utf-8"))
            return cls.from_dict(values, where=work / JOB)
        except (OSError, ValueError) as error:
            raise OutputError(
                "the unfinished map is damaged",
                where=work / JOB,
                found=str(error).splitlines()[0][:120],
                hint="remove the folder and begin again",
            ) from None


@dataclass(frozen=True)
class BlockOutcome:
    """What became of a block.

    Attributes:
        number: of the block.
        error: why it could not be read; None where it is there.
    """

    number: int
    error: str | None = None


@dataclass(frozen=True, eq=False)
class _Open:
    job: MapJob
    scene: Scene
    classifier: MixedClassifier


def block_path(work: Path, number: int) -> Path:
    """Returns the file of a block."""
    return work / "blocks" / f"{number:06d}.safetensors"


def classify_block(work: str, number: int) -> BlockOutcome:
    """Reads and classifies one block, and keeps its layers in a file.

    Doing it twice gives the same file. The work takes one thread, since results of several could
    differ in the last bit.

    Args:
        work: the folder of the unfinished map.
        number: of the block.

    Raises:
        OutputError: the file cannot be written.
    """
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1):
            return _classify(work, number)
    finally:
        torch.set_num_threads(threads)


def _classify(work: str, number: int) -> BlockOutcome:
    try:
        opened = _open(work)
        window = Window(*opened.job.windows[number])
        pixels = opened.scene.read(window)
    except DataError as error:
        return BlockOutcome(number, str(error))
    layers = block_layers(pixels, opened.classifier, opened.job.layers)
    path = block_path(Path(work), number)
    arrays = {str(name): np.ascontiguousarray(values) for name, values in layers.items()}
    numbers = [pixels.num_observations, pixels.num_out_of_range]
    with atomic_file(path) as temporary:
        save_file({**arrays, "numbers": np.array(numbers, dtype=np.int64)}, temporary)
    return BlockOutcome(number)


@lru_cache(maxsize=1)
def _open(work: str) -> _Open:
    """Opens the job of a map once a process."""
    folder = Path(work)
    job = MapJob.read(folder)
    encoder = load_place_encoder(job.weights)
    classifier = read_classifier(folder / "classifier", encoder)
    scene = Scene(
        open_cube(Path(job.source), job.cube_options.for_ingest()),
        bands=job.bands,
        clear_below=encoder.header.clear_below,
        latitude=job.latitude,
    )
    return _Open(job, scene, classifier)


def read_block(
    work: Path, number: int, *, only: LayerName | None = None
) -> tuple[dict[LayerName, npt.NDArray[np.unsignedinteger]], tuple[int, int]]:
    """Reads the layers of a block, and its numbers of observations and of those out of range.

    Args:
        work: the folder of the unfinished map.
        number: of the block.
        only: the one layer to read.

    Raises:
        OutputError: the file is damaged.
    """
    path = block_path(work, number)
    try:
        with safe_open(path, framework="numpy") as file:
            names = [only] if only is not None else sorted(set(file.keys()) - {"numbers"})
            layers = {name: file.get_tensor(name) for name in names}
            observations, out_of_range = file.get_tensor("numbers").tolist()
    except (SafetensorError, OSError, ValueError) as error:
        raise OutputError(
            "a block of the unfinished map is damaged",
            where=path,
            found=str(error).splitlines()[0][:120],
            hint="remove this file and go on with --resume",
        ) from None
    return layers, (observations, out_of_range)
