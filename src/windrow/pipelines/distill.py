"""Distillation from a frozen encoder and a store to a run directory.

The run directory holds ``config.yaml``, ``environment.json``, ``metrics.jsonl``,
``weights.safetensors`` and ``evaluation.json``. It loads wherever a pre-trained run directory
loads. The output of the teacher is computed once, for the dates that the student reads, and kept
in 16 bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from windrow.config import Settings
from windrow.data.batches.pretraining import BatchOrder
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.data.store.store import Store, StoreSource, open_store
from windrow.errors import WeightsError
from windrow.files import refuse_existing, write_json, write_text
from windrow.inference.date_selection import clearest_dates
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.inference.pooling import mean_pool
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.weights import FORMAT, VERSION, BandMoments, WeightsHeader, write_weights
from windrow.pipelines.pretrain import check_finite
from windrow.pipelines.run.directory import Metrics, StepMeans, write_environment
from windrow.pipelines.run.held_out import hold_out, thinned
from windrow.pipelines.run.metric_lines import (
    Progress,
    no_progress,
    training_line,
    validation_line,
)
from windrow.tasks.distillation import (
    DistillationLossSettings,
    Spread,
    Student,
    Taught,
    build_student,
    distillation_losses,
)
from windrow.tasks.losses import pool_months
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, build_optimizer, learning_rate
from windrow.version import __version__

_SERIES_A_CALL = 512
"""Series that the teacher encodes at a time; the number affects memory only."""


class DistillationSettings(Settings):
    """Settings of a whole distillation; the recipe ``student`` returns them."""

    recipe: str = Field(description="name of the recipe it comes from")
    encoder: EncoderSettings = Field(description="shape of the student")
    max_dates: int = Field(ge=1, description="the most dates the student reads, the clearest")
    losses: DistillationLossSettings
    optimization: OptimizationSettings
    batch_size: int = Field(ge=1)
    num_steps: int = Field(ge=1)
    validation_share: float = Field(gt=0, lt=1, description="share of the fields held out")
    num_validation_series: int = Field(ge=1, description="the most held-out series to evaluate")
    log_every: int = Field(ge=1, description="steps between lines of metrics")
    validate_every: int = Field(ge=1, description="steps between validations")
    seed: int = Field(ge=0)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Series as the student reads them, with the outputs of the teacher.

    Attributes:
        values: (N, T, B) standardised reflectance of the dates that are read, valid dates first.
        day_of_year: (N, T) int64.
        valid: (N, T) bool.
        month: (N, T) int64.
        taught: outputs of the teacher.
    """

    values: Tensor
    day_of_year: Tensor
    valid: Tensor
    month: Tensor
    taught: Taught


def take_lessons(teacher: FrozenEncoder, series: Series, *, max_dates: int) -> Lessons:
    """Runs the teacher on series, of which the student reads the clearest dates.

    Args:
        teacher: the frozen encoder to learn from.
        series: N series with the bands of the teacher, or with some of them where the teacher
            was trained to miss the others.
        max_dates: the most dates that the student reads of a series.

    Raises:
        WeightsError, BandError, DataError: the series do not fit the teacher.
    """
    parts = [
        _take_lessons(teacher, series.select(slice(start, start + _SERIES_A_CALL)), max_dates)
        for start in range(0, len(series), _SERIES_A_CALL)
    ]

    def joined(name: str, *, of: str | None = None) -> Tensor:
        holders = [part if of is None else getattr(part, of) for part in parts]
        return torch.cat([getattr(holder, name) for holder in holders])

    names = ("z", "month", "has_month", "mean")
    return Lessons(
        values=joined("values"),
        day_of_year=joined("day_of_year"),
        valid=joined("valid"),
        month=joined("month"),
        taught=Taught(*(joined(name, of="taught") for name in names)),
    )


def _take_lessons(teacher: FrozenEncoder, series: Series, max_dates: int) -> Lessons:
    z = teacher.sequence(series)
    bands = _shared_bands(teacher, series)
    series = series.with_bands(bands)
    read_by_teacher = teacher.read_dates(series)
    month = series.month
    means, has_month = pool_months(
        torch.from_numpy(z), torch.from_numpy(month), torch.from_numpy(read_by_teacher)
    )
    read = clearest_dates(series, max_dates) & read_by_teacher
    dates = np.argsort(~read, axis=1, kind="stable")[:, :max_dates]
    valid = np.take_along_axis(read, dates, axis=1)
    reflectance = np.take_along_axis(series.reflectance, dates[..., None], axis=1)
    normalization = _normalization(teacher, bands)
    days = np.take_along_axis(series.calendar_day, dates, axis=1)
    return Lessons(
        values=torch.from_numpy(normalization.apply(reflectance) * valid[..., None]),
        day_of_year=torch.from_numpy(np.where(valid, days, 0).astype(np.int64)),
        valid=torch.from_numpy(valid),
        month=torch.from_numpy(np.take_along_axis(month, dates, axis=1)),
        taught=Taught(
            z=torch.from_numpy(np.take_along_axis(z, dates[..., None], axis=1)).half(),
            month=means.half(),
            has_month=has_month,
            mean=torch.from_numpy(mean_pool(z, read_by_teacher)).half(),
        ),
    )


def _shared_bands(teacher: FrozenEncoder, series: Series) -> tuple[str, ...]:
    """Returns the bands that the teacher and the series share, in the teacher's order.

    Raises:
        BandError: the teacher was not trained to miss the other bands.
    """
    missing = teacher.missing_bands(series)
    return tuple(band for band in teacher.bands if band not in missing)


def _normalization(teacher: FrozenEncoder, bands: tuple[str, ...]) -> Normalization:
    """Returns the teacher's normalisation of some of its bands."""
    return teacher.header.normalization.normalization().select(
        [teacher.bands.index(band) for band in bands]
    )


class ExplainedShares(TypedDict):
    """Shares of the teacher's variance over held-out series that the student explains.

    Attributes:
        date: of the representation of single dates.
        month: of the monthly means.
        mean: of the yearly mean.
    """

    date: float
    month: float
    mean: float


class DistillationFigures(TypedDict):
    """The content of ``evaluation.json``.

    Attributes:
        kind: always ``distillation``.
        num_held_out_series: number of held-out series.
        explained: the explained shares.
    """

    kind: Literal["distillation"]
    num_held_out_series: int
    explained: ExplainedShares


def distill(
    settings: DistillationSettings,
    teacher: str | Path,
    store: StoreSource,
    run_path: str | Path,
    *,
    execution: ExecutionSettings | None = None,
    on_progress: Progress | None = None,
) -> DistillationFigures:
    """Distils a student from pre-trained weights and writes its run directory.

    Args:
        settings: from the recipe ``student`` of :mod:`windrow.experiments.recipes.pretraining`.
        teacher: a run directory, a ``.safetensors`` or ``.onnx`` file, or the name of shipped
            weights.
        store: series store, opened or by its path; only its Sentinel-2 series are read, no labels.
        run_path: the run directory; must not exist.
        execution: device and precision. None is the CPU, in bfloat16 where the CPU supports it.
        on_progress: called with every line of ``metrics.jsonl`` when it is written.

    Returns:
        the content of ``evaluation.json``: the share of the teacher's variance over held-out
        series that the student explains, for dates, monthly means and the yearly mean.

    Raises:
        WeightsError: the teacher cannot be read, or reads fewer dates than the student.
        StoreError: the store is missing or damaged.
        SettingsError: a setting does not fit the data.
        OutputError: the run directory exists already or cannot be written.
    """
    path = Path(run_path)
    refuse_existing(path)
    store = open_store(store)
    execution = (execution or ExecutionSettings()).resolved()
    assert execution.precision != "auto"  # resolved
    master = load(teacher, device=execution.device, precision=execution.precision)
    if master.max_dates is not None and master.max_dates < settings.max_dates:
        raise WeightsError(
            "the teacher reads fewer dates than the student",
            found=master.max_dates,
            expected=f"at least {settings.max_dates}",
            hint="distil from the teacher's teacher, or set max_dates lower",
        )
    series = store.series(planetscope=False)
    training, held_out = hold_out(series, share=settings.validation_share, seed=settings.seed)
    held_out = thinned(held_out, settings.num_validation_series)
    lessons = take_lessons(master, training, max_dates=settings.max_dates)
    exam = take_lessons(master, held_out, max_dates=settings.max_dates)
    spread = Spread.of(lessons.taught, lessons.valid)
    bands = _shared_bands(master, training)
    tell = on_progress or no_progress
    if missing := master.missing_bands(training):
        text = f"the store is without band {' '.join(missing)}: the student does not read it"
        tell({"kind": "note", "text": text})
    student = build_student(
        settings.encoder,
        num_bands=len(bands),
        teacher_width=master.width,
        seed=settings.seed,
    )
    write_text(path / "config.yaml", settings.to_yaml())
    write_environment(path / "environment.json", execution, store)
    run = _Distillation(
        settings, execution, student=student, lessons=lessons, exam=exam, spread=spread
    )
    run.train(Metrics(path / "metrics.jsonl", before_step=0, tell=tell))
    header = _header(settings, master, bands=bands, num_series=len(training), store=store)
    write_weights(path / "weights.safetensors", student.cpu(), header=header)
    unexplained = run.examination()
    figures: DistillationFigures = {
        "kind": "distillation",
        "num_held_out_series": len(held_out),
        "explained": {
            "date": 1.0 - unexplained["date"],
            "month": 1.0 - unexplained["month"],
            "mean": 1.0 - unexplained["mean"],
        },
    }
    write_json(path / "evaluation.json", figures)
    return figures


class _Distillation:
    """The data, the student and the settings that a step needs."""

    def __init__(
        self,
        settings: DistillationSettings,
        execution: ExecutionSettings,
        *,
        student: Student,
        lessons: Lessons,
        exam: Lessons,
        spread: Spread,
    ) -> None:
        self._settings = settings
        self._execution = execution
        self._student = student.to(execution.device)
        self._lessons = lessons
        self._exam = exam
        self._spread = Spread(
            *(getattr(spread, name).to(execution.device) for name in ("date", "month", "mean"))
        )
        self._order = BatchOrder(
            len(lessons.values), batch_size=settings.batch_size, seed=settings.seed
        )

    def _losses(self, lessons: Lessons, index: Tensor) -> dict[str, Tensor]:
        device = self._execution.device
        valid = lessons.valid[index].to(device)
        days = lessons.day_of_year[index].to(device)
        taught = lessons.taught.series(index)
        with self._execution.autocast():
            z = self._student(lessons.values[index].to(device), days, valid)
        return distillation_losses(
            z,
            Taught(taught.z.to(device), taught.month.to(device), taught.has_month.to(device),
                   taught.mean.to(device)),
            valid=valid,
            month=lessons.month[index].to(device),
            spread=self._spread,
            settings=self._settings.losses,
        )  # fmt: skip

    def examination(self) -> dict[str, float]:
        """Returns the losses of the held-out series."""
        totals: dict[str, float] = {}
        num_series = len(self._exam.values)
        self._student.to(self._execution.device).eval()
        with torch.no_grad():
            for start in range(0, num_series, self._settings.batch_size):
                index = torch.arange(start, min(start + self._settings.batch_size, num_series))
                for name, value in self._losses(self._exam, index).items():
                    totals[name] = totals.get(name, 0.0) + value.item() * len(index) / num_series
        return totals

    def train(self, metrics: Metrics) -> None:
        """Trains over all steps."""
        settings = self._settings
        window = StepMeans(settings.batch_size)

        def on_step(step: int, record: Mapping[str, Tensor | float]) -> None:
            window.add(record)
            last = step + 1 == settings.num_steps
            if (step + 1) % settings.log_every == 0 or last:
                means = window.means()
                check_finite(means["loss"], step)
                metrics.append(training_line(step, settings.num_steps, means))
            if (step + 1) % settings.validate_every == 0 or last:
                metrics.append(validation_line(step, self.examination()))
                window.restart()

        train(
            self._student,
            optimizer=build_optimizer(self._student, settings.optimization),
            compute_loss=lambda step: self._losses(self._lessons, self._order.indices(step)),
            steps=range(settings.num_steps),
            learning_rate=learning_rate(settings.optimization, num_steps=settings.num_steps),
            gradient_clip=settings.optimization.gradient_clip,
            on_step=on_step,
        )


def _header(
    settings: DistillationSettings,
    teacher: FrozenEncoder,
    *,
    bands: tuple[str, ...],
    num_series: int,
    store: Store,
) -> WeightsHeader:
    return WeightsHeader(
        format=FORMAT,
        version=VERSION,
        encoder=settings.encoder,
        bands=bands,
        processing_level=teacher.header.processing_level,
        normalization=BandMoments.of(_normalization(teacher, bands)),
        target_normalization=None,
        simulated=teacher.simulated or store.simulated,
        max_dates=settings.max_dates,
        smoke_test=teacher.smoke_test,
        training_hash=settings.content_hash(),
        provenance={
            "windrow": __version__,
            "recipe": settings.recipe,
            "num_steps": settings.num_steps,
            "num_series": num_series,
            "teacher": teacher.content_hash,
            "teacher_provenance": teacher.header.provenance,
            "store": store.provenance,
        },
    )
