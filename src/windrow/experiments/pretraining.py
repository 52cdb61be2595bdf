"""Pre-training from a series store to a run directory.

The run directory holds ``config.yaml`` (the resolved settings), ``environment.json``,
``metrics.jsonl``, ``checkpoint.safetensors``, ``weights.safetensors``, ``evaluation.json`` and
``predictions.parquet``. A run that is killed leaves its last checkpoint, from which ``resume``
goes on to the same result, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch import Tensor

from windrow.config import Settings
from windrow.data.batches import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.data.store import read_store, store_attributes
from windrow.errors import DataError, SettingsError, SplitError
from windrow.evaluation.pretext import PretextData, evaluate_pretext, predict_table
from windrow.experiments.run_directory import (
    Metrics,
    Progress,
    StepMeans,
    environment,
    store_fingerprint,
)
from windrow.files import atomic_file, refuse_existing, write_json, write_text
from windrow.models.bimodal import BimodalBert
from windrow.models.encoder import EncoderSettings
from windrow.models.weights import FORMAT, VERSION, BandMoments, WeightsHeader, write_weights
from windrow.tasks.bert import BertSettings, apply_model, bert_losses, build_model, mask
from windrow.tasks.masking import seeded_generator
from windrow.training.checkpoint import check_identity, load_checkpoint, save_checkpoint
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, adamw, warmup_cosine
from windrow.version import __version__

_MASKS, _VALIDATION, _SPLIT = 1, 2, 4
"""Streams of random draws (0 is the order of the series, 3 the evaluation)."""


class PretrainingSettings(Settings):
    """A whole pre-training: what a recipe returns."""

    recipe: str = Field(description="name of the recipe it comes from")
    encoder: EncoderSettings
    task: BertSettings
    optimization: OptimizationSettings
    batch_size: int = Field(ge=1)
    num_steps: int | None = Field(ge=1, description="length in steps, or None")
    num_epochs: int | None = Field(ge=1, description="length in epochs, or None")
    validation_share: float = Field(gt=0, lt=1, description="share of the fields held out")
    num_validation_series: int = Field(ge=1, description="the most held-out series to evaluate")
    clear_below: int = Field(ge=1, le=256, description="cloud probability of a clear observation")
    growing_season: tuple[int, int] = Field(
        description="first target day of the growing season, and the first after it"
    )
    log_every: int = Field(ge=1, description="steps between lines of metrics")
    validate_every: int = Field(ge=1, description="steps between validations")
    checkpoint_every: int = Field(ge=1, description="steps between checkpoints")
    num_predicted_series: int = Field(ge=1, description="held-out pixels in predictions.parquet")
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _lengths_fit(self) -> PretrainingSettings:
        if (self.num_steps is None) == (self.num_epochs is None):
            raise ValueError("give either num_steps or num_epochs")
        if self.checkpoint_every % self.log_every:
            raise ValueError("checkpoint_every must be a multiple of log_every")
        return self


@dataclass(frozen=True)
class _Run:
    """Everything that a step needs."""

    settings: PretrainingSettings
    execution: ExecutionSettings
    module: BimodalBert
    training: PretrainingData
    order: BatchOrder
    held_out: PretextData
    num_steps: int

    def losses(self, step: int) -> dict[str, Tensor]:
        """The losses of a training step."""
        return self._losses(self.training, self.order.indices(step), _MASKS, step)

    def validation_losses(self) -> dict[str, float]:
        """The losses of the held-out series, always under the same masks."""
        totals: dict[str, float] = {}
        data = self.held_out.resident
        self.module.eval()
        with torch.no_grad():
            for start in range(0, data.num_series, self.settings.batch_size):
                end = min(start + self.settings.batch_size, data.num_series)
                losses = self._losses(data, torch.arange(start, end), _VALIDATION, start)
                for name, value in losses.items():
                    share = (end - start) / data.num_series
                    totals[name] = totals.get(name, 0.0) + value.item() * share
        return totals

    def _losses(
        self, data: PretrainingData, index: Tensor, stream: int, step: int
    ) -> dict[str, Tensor]:
        task = self.settings.task
        generator = seeded_generator(self.settings.seed, stream, step, device=data.device)
        batch = data.batch(index)
        masked = mask(batch, data, task, generator)
        with self.execution.autocast():
            outputs = apply_model(self.module, batch, masked)
        return bert_losses(outputs, batch, masked, task.losses)


def pretrain(
    settings: PretrainingSettings,
    store_path: str | Path,
    run_path: str | Path,
    *,
    resume: bool = False,
    validation: str | Path | None = None,
    execution: ExecutionSettings | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Pre-trains an encoder and writes its run directory.

    Args:
        settings: from a recipe of :mod:`windrow.experiments.recipes`.
        store_path: series store with both sensors.
        run_path: the run directory; must not exist, unless ``resume``.
        resume: go on from the run directory's checkpoint.
        validation: a store of held-out series; None holds out ``validation_share`` of the fields.
        execution: device and precision; the CPU, in bfloat16 where it has that, where None.
        on_progress: told every line of ``metrics.jsonl`` as it is written.

    Returns:
        what ``evaluation.json`` holds.

    Raises:
        StoreError: the store is missing or damaged.
        DataError: the series cannot be trained on.
        SettingsError: a setting does not fit the data, or the run on disk is another one.
        OutputError: the run directory exists already or cannot be written.
    """
    path = Path(run_path)
    if not resume:
        refuse_existing(path)
    execution = (execution or ExecutionSettings()).resolved()
    tell = on_progress or (lambda record: None)
    identity = {
        "settings": settings.to_dict(),
        "store": store_fingerprint(store_path),
        "validation store": None if validation is None else store_fingerprint(validation),
    }
    if resume:
        _check_resumable(path, settings)
    training = read_store(store_path)
    if validation is None:
        training, held_out = _hold_out(training, settings)
    else:
        held_out = read_store(validation)
    held_out = _thinned(held_out, settings.num_validation_series)
    run, header = _assemble(settings, execution, training, held_out, store_path)
    if not run.training.has_cloud:
        tell({"kind": "note", "text": "no cloud probability: the cloud loss is off"})
    if not resume:
        write_text(path / "config.yaml", settings.to_yaml())
        write_json(path / "environment.json", environment(execution, store_path))
    _train(run, path, identity=identity, tell=tell)
    write_weights(path / "weights.safetensors", run.module, header=header)
    return _evaluate(run, path)


def _assemble(
    settings: PretrainingSettings,
    execution: ExecutionSettings,
    training: Series,
    held_out: Series,
    store_path: str | Path,
) -> tuple[_Run, WeightsHeader]:
    held_out = held_out.with_bands(training.bands)
    _check_series(training, held_out, settings)
    normalization = Normalization.fit(training.reflectance, training.valid)
    target_normalization = normalization
    if settings.task.target == "planetscope":
        assert training.planetscope is not None
        target_normalization = Normalization.fit_planetscope(training.planetscope)

    def resident(series: Series) -> PretrainingData:
        return PretrainingData(
            series,
            normalization=normalization,
            target=settings.task.target,
            target_normalization=target_normalization,
            target_offsets=settings.task.target_offsets,
            device=execution.device,
        )

    order = BatchOrder(len(training), batch_size=settings.batch_size, seed=settings.seed)
    num_steps = settings.num_steps or (settings.num_epochs or 0) * order.steps_per_epoch
    module = build_model(
        settings.encoder, settings.task, num_bands=len(training.bands), seed=settings.seed
    )
    run = _Run(
        settings=settings,
        execution=execution,
        module=module.to(execution.device),
        training=resident(training),
        order=order,
        held_out=PretextData(training, held_out, resident(held_out)),
        num_steps=num_steps,
    )
    header = WeightsHeader(
        format=FORMAT,
        version=VERSION,
        encoder=settings.encoder,
        bands=training.bands,
        processing_level=training.processing_level,
        normalization=BandMoments.of(normalization),
        target_normalization=BandMoments.of(target_normalization),
        simulated=training.simulated,
        training_hash=settings.content_hash(),
        provenance={
            "windrow": __version__,
            "recipe": settings.recipe,
            "num_steps": num_steps,
            "num_series": len(training),
            "store": store_attributes(store_path).get("provenance", {}),
        },
    )
    return run, header


def _train(run: _Run, path: Path, *, identity: Mapping[str, Any], tell: Progress) -> None:
    settings = run.settings
    optimizer = adamw(run.module, settings.optimization)
    checkpoint = path / "checkpoint.safetensors"
    start = 0
    if checkpoint.is_file():
        start = load_checkpoint(
            checkpoint, module=run.module, optimizer=optimizer, identity=identity
        )
    metrics = Metrics(path / "metrics.jsonl", before_step=start, tell=tell)
    window = StepMeans(settings.batch_size)

    def on_step(step: int, report: Mapping[str, Tensor | float]) -> None:
        window.add(report)
        done = step + 1
        last = done == run.num_steps
        if done % settings.log_every == 0 or last:
            means = window.means()
            _check_finite(means["loss"], step)
            metrics.append({"kind": "train", "step": step, "num_steps": run.num_steps, **means})
        if done % settings.validate_every == 0 or last:
            metrics.append({"kind": "validation", "step": step, **run.validation_losses()})
            window.restart()
        if done % settings.checkpoint_every == 0 or last:
            save_checkpoint(
                checkpoint, module=run.module, optimizer=optimizer, step=done, identity=identity
            )

    train(
        run.module,
        optimizer=optimizer,
        compute_loss=run.losses,
        num_steps=run.num_steps,
        start_step=start,
        learning_rate=warmup_cosine(settings.optimization, num_steps=run.num_steps),
        gradient_clip=settings.optimization.gradient_clip,
        on_step=on_step,
    )


def _evaluate(run: _Run, path: Path) -> dict[str, Any]:
    settings = run.settings
    figures = evaluate_pretext(
        run.module,
        run.held_out,
        task=settings.task,
        seed=settings.seed,
        clear_below=settings.clear_below,
        growing_season=settings.growing_season,
    )
    if settings.task.target == "planetscope":
        table = predict_table(
            run.module,
            run.held_out,
            task=settings.task,
            seed=settings.seed,
            num_series=settings.num_predicted_series,
        )
        with atomic_file(path / "predictions.parquet") as temporary:
            table.to_parquet(temporary, index=False)
    write_json(path / "evaluation.json", figures)
    return figures


def _check_finite(loss: float, step: int) -> None:
    if not np.isfinite(loss):
        raise SettingsError(
            "the training diverged: the loss is no longer a number",
            where=f"step {step}",
            hint="lower the learning rate; the last checkpoint is still good",
        )


def _check_resumable(path: Path, settings: PretrainingSettings) -> None:
    config = path / "config.yaml"
    if not config.is_file():
        raise SettingsError(
            "no run to resume", where=path, hint="start it without --resume, or name another"
        )
    found = PretrainingSettings.from_yaml(config).to_dict()
    check_identity({"setting": found}, {"setting": settings.to_dict()}, where=config)


def _check_series(training: Series, held_out: Series, settings: PretrainingSettings) -> None:
    for series in (training, held_out):
        if settings.task.target == "planetscope" and series.planetscope is None:
            raise DataError(
                "the series have no PlanetScope to predict",
                hint="use a store with both sensors, or the setting task.target = sentinel2",
            )
        if len(series) == 0 or not series.valid.any():
            raise DataError("no series with a valid date to train or validate on")
        if series.processing_level != training.processing_level:
            raise DataError(
                "the validation store is of another processing level",
                found=series.processing_level,
                expected=training.processing_level,
            )
        longest = int(series.valid.sum(axis=1).max())
        if settings.encoder.position == "learned" and longest > settings.encoder.num_positions:
            raise SettingsError(
                "the series have more dates than the encoder has learned positions",
                where="setting encoder.num_positions",
                found=settings.encoder.num_positions,
                expected=f"at least {longest}",
            )


def _hold_out(series: Series, settings: PretrainingSettings) -> tuple[Series, Series]:
    """Series of the fields trained on, and of those held out."""
    fields, inverse = np.unique(series.field_id, return_inverse=True)
    if len(fields) < 2:
        raise SplitError(
            "no field can be held out",
            found=f"{len(fields)} field",
            expected="at least two fields in the store",
        )
    num_held_out = round(settings.validation_share * len(fields))
    num_held_out = min(max(num_held_out, 1), len(fields) - 1)
    order = np.random.default_rng([settings.seed, _SPLIT]).permutation(len(fields))
    is_held_out = np.zeros(len(fields), dtype=np.bool_)
    is_held_out[order[:num_held_out]] = True
    chosen: npt.NDArray[np.bool_] = is_held_out[inverse]
    return series.select(np.flatnonzero(~chosen)), series.select(np.flatnonzero(chosen))


def _thinned(series: Series, most: int) -> Series:
    """At most so many series, spread evenly."""
    if len(series) <= most:
        return series
    return series.select(np.linspace(0, len(series) - 1, most).astype(np.intp))
