"""What a reconstruction is asked for; everything is checked here, before anything is written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow.config import Settings
from windrow.data.season import days_of_season
from windrow.errors import DataError, OutputError, SettingsError
from windrow.inference.bimodal_predictor import BimodalPredictor
from windrow.pipelines.daily.predictor import load_predictor, weights_hash
from windrow.sources.cubes.open_cube import OpenCube, open_cube
from windrow.sources.rasters.grid import CubeFacts, Window, windows
from windrow.sources.reader import CubeOptions

JOB = "job.json"


class DailyJob(Settings):
    """What every process must know of a reconstruction.

    Attributes:
        source: path or address of the cube.
        cube_options: how it is read.
        weights: the run directory.
        use_queries: predict days between the dates where the weights can.
        first_day: first day, as ISO date.
        last_day: last day.
        windows: row, column, height and width of the blocks, in Sentinel-2 pixels.
        cube_hash: changes when the files of the cube do.
        weights_hash: changes when the weights do.
    """

    source: str
    cube_options: CubeOptions
    weights: str
    use_queries: bool
    first_day: str
    last_day: str
    windows: tuple[tuple[int, int, int, int], ...] = Field(min_length=1)
    cube_hash: str
    weights_hash: str

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """All days from the first to the last, datetime64[D]."""
        last = np.datetime64(self.last_day, "D") + np.timedelta64(1, "D")
        return np.arange(np.datetime64(self.first_day, "D"), last)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Height and width of the largest block, in Sentinel-2 pixels."""
        return max(w[2] for w in self.windows), max(w[3] for w in self.windows)

    @classmethod
    def read(cls, work: Path) -> DailyJob:
        """Reads the job of an unfinished reconstruction.

        Raises:
            OutputError: it is missing or damaged.
        """
        try:
            values = json.loads((work / JOB).read_text(encoding="utf-8"))
            return cls.from_dict(values, where=work / JOB)
        except (OSError, ValueError, SettingsError) as error:
            raise OutputError(
                "the unfinished reconstruction is damaged",
                where=work / JOB,
                found=str(error).splitlines()[0][:120],
                hint="remove the folder and begin again",
            ) from None


@dataclass(frozen=True)
class DailyRequest:
    """What is reconstructed, and by what.

    Attributes:
        source: a netCDF or Zarr cube, a folder of GeoTIFFs, or STAC items.
        weights: the run directory of ``windrow pretrain``.
        cube_options: how to read the cube, where it should not be detected.
        first_day: first day, as ISO date; None takes the first date of the cube.
        last_day: last day; None takes the last date of the cube.
        use_queries: predict days between the dates where the weights can; False interpolates.
        block_pixels: largest number of Sentinel-2 pixels in a block.
    """

    source: str | Path
    weights: str | Path
    cube_options: CubeOptions = field(default_factory=CubeOptions)
    first_day: str | None = None
    last_day: str | None = None
    use_queries: bool = True
    block_pixels: int = 1_024


@dataclass(frozen=True, eq=False)
class Prepared:
    """Cube, model and job of a reconstruction, opened and checked.

    Attributes:
        cube: the cube.
        predictor: the model.
        job: the blocks and days.
    """

    cube: OpenCube
    predictor: BimodalPredictor
    job: DailyJob


def prepare(request: DailyRequest) -> Prepared:
    """Opens cube and weights and checks that they fit together.

    Raises:
        SettingsError: an option is out of range.
        WindrowError: the cube and the weights cannot be used together.
    """
    if request.block_pixels < 1:
        raise SettingsError(
            "--block-pixels is out of range", found=request.block_pixels, expected="1 or more"
        )
    cube = open_cube(Path(request.source), request.cube_options.for_ingest())
    facts = cube.facts
    _check_grid(facts)
    predictor = load_predictor(
        request.weights,
        bands=facts.bands,
        processing_level=facts.processing_level,
        use_queries=request.use_queries,
    )
    first, last = _days(request, facts)
    source = Path(request.source)
    blocks = windows(facts.grid, facts.native, 1, limit=request.block_pixels)
    job = DailyJob(
        source=str(source.absolute()) if source.exists() else str(source),
        cube_options=request.cube_options,
        weights=str(Path(request.weights).absolute()),
        use_queries=request.use_queries,
        first_day=str(first),
        last_day=str(last),
        windows=tuple((w.row, w.column, w.height, w.width) for w in blocks),
        cube_hash=hashlib.sha256("\n".join(facts.identity).encode()).hexdigest(),
        weights_hash=weights_hash(request.weights),
    )
    return Prepared(cube, predictor, job)


def window_of(job: DailyJob, number: int) -> Window:
    """Returns the window of a block."""
    return Window(*job.windows[number])


def _check_grid(facts: CubeFacts) -> None:
    if facts.grid.crs is None:
        raise DataError(
            "the CRS of the cube is not known",
            where=facts.names[0],
            hint="give it with --crs, such as EPSG:32631",
        )
    if facts.grid.transform[1] or facts.grid.transform[3]:
        raise DataError(
            "the grid of the cube is rotated, so that rows and columns have no coordinates",
            where=facts.names[0],
            expected="a grid along the axes of its CRS",
            hint="warp the images to such a grid",
        )


def _days(request: DailyRequest, facts: CubeFacts) -> tuple[np.datetime64, np.datetime64]:
    found = []
    for name, text, default in (
        ("--first-day", request.first_day, facts.dates[0]),
        ("--last-day", request.last_day, facts.dates[-1]),
    ):
        try:
            day = np.datetime64(default if text is None else text, "D")
        except ValueError:
            day = np.datetime64("NaT")
        if np.isnat(day):
            raise SettingsError(
                f"{name} is no date", found=text, expected="YYYY-MM-DD, such as 2018-04-01"
            )
        found.append(day)
    first, last = found
    season = days_of_season(np.array([first, last, facts.dates[0]]), facts.season_start)[1]
    if first > last or len(set(season.tolist())) > 1:
        raise SettingsError(
            "the days lie outside of the twelve months of the cube, or in the wrong order",
            found=f"{first} to {last}",
            expected=f"days of the season of {facts.dates[0]}, the first before the last",
            hint="change --first-day and --last-day",
        )
    return first, last
