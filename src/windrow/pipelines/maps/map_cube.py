"""A crop map of a whole cube, block by block, in bounded memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from windrow.classifiers.saved_classifier import read_classifier, write_classifier
from windrow.data.map_folder import MAX_CLASSES, MapHeader, standard_layers
from windrow.errors import DataError
from windrow.files import write_json
from windrow.mapping.workers import run_blocks
from windrow.pipelines.maps.blocks import (
    JOB,
    WORK,
    MapJob,
    block_path,
    classify_block,
    read_block,
)
from windrow.pipelines.maps.folder import Counts, count_lines, map_header, write_map
from windrow.pipelines.maps.job import (
    MapOptions,
    MapRequest,
    check_folder,
    fit,
    plan_job,
    prepare,
    processes_of,
    same_job,
)


@dataclass(frozen=True)
class Mapped:
    """What a map gave.

    Attributes:
        lines: what was read, by what it was classified, and what was left out.
        header: the description of the map.
    """

    lines: tuple[str, ...]
    header: MapHeader


def map_cube(
    request: MapRequest,
    *,
    out: str | Path,
    options: MapOptions | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Mapped:
    """Classifies every pixel of a cube and writes the layers of the map.

    A pixel's class depends on its own series, on the classifier, and on a sample of the scene that
    is drawn once. It does not depend on the blocks, so that a map has no seams.

    Args:
        request: what is mapped, and by what.
        out: the folder of the map; must not exist unless ``options.resume``.
        options: how to compute the map.
        on_progress: called with the number of blocks done and their total.

    Returns:
        What was read and left out, and the description of the map.

    Raises:
        SettingsError: both or none of classifier and crops are given, or an option does not fit.
        WindrowError: the cube and the classifier cannot be used together.
        DataError: blocks could not be read. All others are kept for ``resume``.
        OutputError: the folder exists or cannot be written.
    """
    options = options or MapOptions()
    folder = Path(out)
    check_folder(folder, resume=options.resume)
    prepared = prepare(request)
    job = plan_job(prepared, request, options)
    work = folder / WORK
    if (work / JOB).is_file():
        job = same_job(work, job, every_probability=request.every_probability)
        fitted = read_classifier(work / "classifier", prepared.encoder)
    else:
        fitted = fit(prepared, request)
        num_classes = len(fitted.classes)
        if num_classes > MAX_CLASSES:
            raise DataError(f"a map holds at most {MAX_CLASSES} classes", found=num_classes)
        layers = standard_layers(num_classes, every_probability=request.every_probability)
        if prepared.given is None:  # there is nothing to be unlike
            del layers["unlikeness"]
        job = job.model_copy(update={"layers": layers, "latitude": fitted.fitted.latitude})
        work.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(work / "classifier", ignore_errors=True)
        write_classifier(work / "classifier", fitted)
        write_json(work / JOB, job.to_dict())
    counts, failed = _run(folder, job, options, on_progress)
    if failed:
        raise DataError(
            f"{len(failed)} of {len(job.windows)} blocks could not be read",
            where=request.source,
            found=failed[0],
            hint="mend the input, then go on with --resume: the other blocks are kept",
        )
    header = map_header(prepared.cube, fitted, job, counts, labelled=prepared.given is not None)
    write_map(folder, header, job)
    shutil.rmtree(work, ignore_errors=True)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in fitted.class_shares.items())
    lines = (
        *prepared.cube.summary.lines(),
        *prepared.lines,
        f"class shares that probabilities are set to: {shares}",
        *count_lines(counts, header),
    )
    return Mapped(lines, header)


def _run(
    folder: Path,
    job: MapJob,
    options: MapOptions,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Counts, list[str]]:
    """Classifies the blocks that are not there yet, and counts over all of them."""
    work = folder / WORK
    total = len(job.windows)
    missing = [number for number in range(total) if not block_path(work, number).is_file()]
    done, failed = total - len(missing), []
    for outcome in run_blocks(
        partial(classify_block, str(work.absolute())),
        missing,
        num_workers=processes_of(options),
        scheduler=options.scheduler,
    ):
        done += 1
        if outcome.error is not None:
            failed.append(outcome.error)
        if on_progress is not None:
            on_progress(done, total)
    num_classes = 1 + max(1, MAX_CLASSES)
    counts = Counts(np.zeros(num_classes, dtype=np.int64))
    if failed:
        return counts, failed
    for number in range(total):
        block, numbers = read_block(work, number)
        counts.num_pixels += np.bincount(block["class"].ravel(), minlength=num_classes)
        counts.num_observations += numbers[0]
        counts.num_out_of_range += numbers[1]
    counts.num_without_data = int(counts.num_pixels[0])
    return counts, []
