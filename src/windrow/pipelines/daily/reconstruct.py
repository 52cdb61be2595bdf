"""Daily PlanetScope-like reflectance of a whole cube, block by block, in bounded memory."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from windrow.errors import DataError, OutputError
from windrow.files import check_output, write_json, writing_errors
from windrow.inference.bimodal_predictor import INTERPOLATED, PixelDates
from windrow.mapping.workers import run_blocks
from windrow.pipelines.daily.job import JOB, DailyJob, DailyRequest, Prepared, prepare, window_of
from windrow.pipelines.daily.predictor import load_predictor
from windrow.pipelines.daily.zarr_output import create_output, write_block
from windrow.processes import number_of_cores
from windrow.sources.cubes.open_cube import open_cube
from windrow.sources.rasters.grid import Window
from windrow.sources.values.reflectance import RangeTally

_CUBE = "cube.zarr"


@dataclass(frozen=True)
class Reconstructed:
    """What a reconstruction gave.

    Attributes:
        lines: what was read, and by what it was predicted.
        counts: numbers of pixels and days, in the order of printing.
    """

    lines: tuple[str, ...]
    counts: dict[str, int]


@dataclass(frozen=True)
class _Outcome:
    number: int
    error: str | None = None


def reconstruct(
    request: DailyRequest,
    *,
    out: str | Path,
    num_workers: int | None = None,
    resume: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reconstructed:
    """Predicts the reflectance of every pixel of a cube on every day, and writes a Zarr group.

    The group stands under a hidden name beside ``out`` until it is whole. A pixel's values do not
    depend on the blocks, so that a reconstruction that was stopped ends with the same bytes.

    Args:
        request: what is reconstructed, and by what.
        out: the folder of the Zarr group; must not exist.
        num_workers: number of processes of one thread; None takes one per core.
        resume: go on with a reconstruction that was stopped.
        on_progress: called with the number of blocks done and their total.

    Raises:
        SettingsError: an option is out of range.
        WindrowError: the cube and the weights cannot be used together.
        DataError: blocks could not be read. All others are kept for ``resume``.
        OutputError: the folder exists or cannot be written.
    """
    target = Path(out)
    check_output(target, inputs=(request.source, request.weights))
    work = target.with_name(f".{target.name}.unfinished")
    begun = (work / JOB).is_file()
    _check_begun(work, begun=begun, resume=resume)
    prepared = prepare(request)
    job = prepared.job
    if begun:
        job = _same_job(work, job)
    else:
        _begin(work, prepared)
    failed = _run(work, job, num_workers or number_of_cores(), on_progress)
    if failed:
        raise DataError(
            f"{len(failed)} of {len(job.windows)} blocks could not be read",
            where=request.source,
            found=failed[0],
            hint="mend the input, then go on with --resume: the other blocks are kept",
        )
    counts = _counts(work, job)
    with writing_errors(target):
        if target.is_dir():
            target.rmdir()
        os.rename(work / _CUBE, target)
        shutil.rmtree(work)
    return Reconstructed((*prepared.cube.summary.lines(), *_said(prepared)), counts)


def _check_begun(work: Path, *, begun: bool, resume: bool) -> None:
    if resume and not begun:
        raise OutputError("no reconstruction was begun here", where=work, hint="leave --resume out")
    if begun and not resume:
        raise OutputError(
            "a reconstruction was begun here",
            where=work,
            hint="go on with --resume, or remove this folder",
        )


def _same_job(work: Path, wanted: DailyJob) -> DailyJob:
    begun = DailyJob.read(work)
    if begun != wanted:
        raise OutputError(
            "the reconstruction was begun with another cube, weights or option",
            where=work,
            hint="give the same again, or remove this folder",
        )
    return begun


def _begin(work: Path, prepared: Prepared) -> None:
    job, facts = prepared.job, prepared.cube.facts
    with writing_errors(work):
        shutil.rmtree(work, ignore_errors=True)
        (work / "done").mkdir(parents=True)
        attributes = {
            "title": "Daily reflectance as PlanetScope would see it, predicted from Sentinel-2",
            "source": "windrow reconstruct",
            "comment": " ".join(_said(prepared)),
            "weights_sha256": job.weights_hash,
            "weights_trained_on": _trained_on(prepared),
            "sentinel2_bands": " ".join(prepared.predictor.header.bands),
            "processing_level": facts.processing_level,
        }
        create_output(
            work / _CUBE, facts.grid, job.days, block=job.block_shape, attributes=attributes
        )
    write_json(work / JOB, job.to_dict())


def _trained_on(prepared: Prepared) -> str:
    simulated = prepared.predictor.header.simulated
    return "simulated pairs of sensors" if simulated else "pairs of sensors"


def _said(prepared: Prepared) -> tuple[str, ...]:
    """Returns sentences about how the days came about."""
    predictor = prepared.predictor
    between = (
        "Every day is predicted."
        if predictor.any_day
        else "Days between dates are interpolated linearly between predictions and flagged."
    )
    detail = "The 3 x 3 pixels inside a Sentinel-2 pixel are learned, not seen."
    return (f"The weights were pre-trained on {_trained_on(prepared)}.", between, detail)


def _run(
    work: Path, job: DailyJob, num_workers: int, on_progress: Callable[[int, int], None] | None
) -> list[str]:
    """Predicts the blocks that are not there yet; returns why some could not be read."""
    total = len(job.windows)
    missing = [number for number in range(total) if not _done(work, number).is_file()]
    done, failed = total - len(missing), []
    outcomes = run_blocks(
        partial(reconstruct_block, str(work.absolute())), missing, num_workers=num_workers
    )
    for outcome in outcomes:
        done += 1
        if outcome.error is not None:
            failed.append(outcome.error)
        if on_progress is not None:
            on_progress(done, total)
    return failed


def _done(work: Path, number: int) -> Path:
    return work / "done" / f"{number:06d}.json"


@dataclass(frozen=True, eq=False)
class _Open:
    prepared: Prepared
    columns: tuple[int | None, ...]


@lru_cache(maxsize=1)
def _open(work: str) -> _Open:
    """Opens cube and weights once a process."""
    job = DailyJob.read(Path(work))
    cube = open_cube(Path(job.source), job.cube_options.for_ingest())
    bands = cube.facts.bands
    predictor = load_predictor(
        job.weights,
        bands=bands,
        processing_level=cube.facts.processing_level,
        use_queries=job.use_queries,
    )
    columns = [bands.index(name) if name in bands else None for name in predictor.header.bands]
    return _Open(Prepared(cube, predictor, job), tuple(columns))


def reconstruct_block(work: str, number: int) -> _Outcome:
    """Reads and predicts one block and writes it. Doing it twice gives the same bytes.

    The work takes one thread, since results of several could differ in the last bit.

    Args:
        work: the folder of the unfinished reconstruction.
        number: of the block.

    Raises:
        OutputError: the block cannot be written.
    """
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1):
            return _reconstruct(work, number)
    finally:
        torch.set_num_threads(threads)


def _reconstruct(work: str, number: int) -> _Outcome:
    opened = _open(work)
    prepared = opened.prepared
    job = prepared.job
    window = window_of(job, number)
    tally = RangeTally()
    try:
        pixels = _pixels(opened, window, tally)
    except DataError as error:
        return _Outcome(number, str(error))
    daily = prepared.predictor.daily(pixels, job.days)
    folder = Path(work)
    with writing_errors(folder):
        write_block(folder / _CUBE, window, daily)
    numbers = {
        "pixels": len(pixels.valid),
        "pixels_without_data": int((~pixels.valid.any(axis=1)).sum()),
        "pixel_days_interpolated": int((daily.flag == INTERPOLATED).sum()),
        "observations_out_of_range_left_out": tally.num_out,
    }
    write_json(_done(folder, number), numbers)
    return _Outcome(number)


def _pixels(opened: _Open, window: Window, tally: RangeTally) -> PixelDates:
    """Reads all pixels of a block in the bands of the weights; missing bands are 0."""
    cube = opened.prepared.cube
    rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
    reflectance, valid, _ = cube.read(window, rows, columns, tally)
    shape = (len(rows), len(cube.facts.dates), len(opened.columns))
    values = np.zeros(shape, dtype=np.int16)
    for band, column in enumerate(opened.columns):
        if column is not None:
            values[..., band] = reflectance[:, column].T
    return PixelDates(values, np.ascontiguousarray(valid.T), cube.facts.dates)


def _counts(work: Path, job: DailyJob) -> dict[str, int]:
    total: dict[str, int] = {"days": len(job.days)}
    for number in range(len(job.windows)):
        values = json.loads(_done(work, number).read_text(encoding="utf-8"))
        for name, count in values.items():
            total[name] = total.get(name, 0) + int(count)
    return total
