"""Pre-training from a series store to a run directory, for any pretext task.

The run directory holds ``config.yaml`` (the resolved settings), ``environment.json``,
``metrics.jsonl``, ``checkpoint.safetensors``, ``weights.safetensors``, ``evaluation.json``,
``cost.json`` and, where the task predicts something, ``predictions.parquet``. A run that is killed
leaves its last checkpoint. ``resume`` continues from it to the same result, bit for bit; only the
seconds in ``cost.json`` differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from windrow.data.batches.pretraining import BatchOrder
from windrow.data.cloud_filter import without_cloudy
from windrow.data.series import Series
from windrow.data.store.store import Store, StoreSource, open_store
from windrow.errors import SettingsError
from windrow.files import refuse_existing, write_json, write_text
from windrow.json_values import JsonObject
from windrow.models.weights import FORMAT, VERSION, BandMoments, WeightsHeader, write_weights
from windrow.pipelines.pretext.protocol import (
    STREAMS,
    HeldOutFigures,
    Part,
    Pretext,
    PretextInputs,
)
from windrow.pipelines.pretext.registry import start_pretext
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.run.cost import CostRecord
from windrow.pipelines.run.directory import (
    Metrics,
    StepMeans,
    write_environment,
)
from windrow.pipelines.run.held_out import hold_out, thinned
from windrow.pipelines.run.metric_lines import (
    Progress,
    no_progress,
    training_line,
    validation_line,
)
from windrow.tasks.bert import BertSettings
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.checkpoint import check_identity, load_checkpoint, save_checkpoint
from windrow.training.device.cuda_graph import CapturedTraining, CaptureSettings
from windrow.training.distributed import Processes, joined
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train
from windrow.training.optimization import build_optimizer, learning_rate
from windrow.version import __version__

OnStep = Callable[[int, Mapping[str, Tensor | float]], None]
"""Called after each step with its number and its record."""


@dataclass(frozen=True)
class _Run:
    """The settings, the task and the order of items that a step needs."""

    settings: PretrainingSettings
    pretext: Pretext
    order: BatchOrder | None
    num_steps: int
    execution: ExecutionSettings
    processes: Processes

    def losses(self, step: int) -> dict[str, Tensor]:
        """Computes the losses of a training step."""
        assert self.order is not None
        return self._losses("training", self.order.indices(step), step)

    def validation_losses(self) -> dict[str, float]:
        """Computes the losses of the held-out items, always with the same random draws."""
        totals: dict[str, float] = {}
        batches = self.pretext.validation_batches()
        num_items = sum(len(index) for index in batches)
        self.pretext.module.eval()
        with torch.no_grad():
            for index in batches:
                losses = self._losses("held_out", index, 0)
                for name, value in losses.items():
                    totals[name] = totals.get(name, 0.0) + value.item() * len(index) / num_items
        return totals

    def _losses(self, part: Part, index: Tensor, step: int) -> dict[str, Tensor]:
        index = index.to(self.execution.device)
        draws = seeded_draws(self.settings.seed, STREAMS[part], step=step, series=index)
        return self.pretext.losses(part, index, draws)


def pretrain(
    settings: PretrainingSettings,
    store: StoreSource,
    run_path: str | Path,
    *,
    resume: bool = False,
    validation: StoreSource | None = None,
    execution: ExecutionSettings | None = None,
    on_progress: Progress | None = None,
) -> HeldOutFigures:
    """Pre-trains an encoder and writes its run directory.

    Args:
        settings: from a recipe of :mod:`windrow.experiments.recipes.pretraining`.
        store: series store with both sensors, opened or by its path; read once.
        run_path: the run directory; must not exist, unless ``resume``.
        resume: continue from the run directory's checkpoint.
        validation: a store of held-out series; None holds out ``validation_share`` of the fields.
        execution: device and precision. None is the CPU, in bfloat16 where the CPU supports it.
        on_progress: called with every line of ``metrics.jsonl`` when it is written.

    Returns:
        the content of ``evaluation.json``.

    Raises:
        StoreError: the store is missing or damaged.
        DataError: the series cannot be trained on.
        SettingsError: a setting does not fit the data, or the run on disk has other settings.
        OutputError: the run directory exists already or cannot be written.
    """
    path = Path(run_path)
    if not resume:
        refuse_existing(path)
    execution = (execution or ExecutionSettings()).resolved()
    tell = on_progress or no_progress
    store = open_store(store)
    held_out_store = None if validation is None else open_store(validation)
    identity: JsonObject = {
        "settings": settings.to_dict(),
        "store": store.fingerprint,
        "validation store": None if held_out_store is None else held_out_store.fingerprint,
    }
    if resume:
        _check_resumable(path, settings)
    training, held_out = _series(settings, store, held_out_store, tell)
    with joined(execution.device) as (processes, device):
        execution = execution.model_copy(update={"device": device})
        inputs = PretextInputs(settings, execution, training, held_out, processes)
        run = _assemble(inputs)
        if processes.writes:
            for note in run.pretext.notes:
                tell({"kind": "note", "text": note})
            if not resume:
                write_text(path / "config.yaml", settings.to_yaml())
                write_environment(path / "environment.json", execution, store)
        processes.wait()
        _train(run, path, identity=identity, tell=tell)
        if processes.writes:
            header = _header(run, training, store.provenance)
            write_weights(path / "weights.safetensors", run.pretext.module, header=header)
            write_json(path / "evaluation.json", run.pretext.evaluate(path))
        processes.wait()
    figures: HeldOutFigures = json.loads((path / "evaluation.json").read_text(encoding="utf-8"))
    return figures


def _series(
    settings: PretrainingSettings, store: Store, validation: Store | None, tell: Progress
) -> tuple[Series, Series]:
    """Returns the training series and the held-out series."""
    training = store.series()
    if settings.bands is not None:
        training = training.with_bands(settings.bands)
    if validation is None:
        training, held_out = hold_out(training, share=settings.validation_share, seed=settings.seed)
    else:
        held_out = validation.series()
    training, num_lost = without_cloudy(training, from_probability=settings.drop_cloudy_from)
    held_out, _ = without_cloudy(held_out, from_probability=settings.drop_cloudy_from)
    held_out = thinned(held_out, settings.num_validation_series)
    if num_lost:
        tell({"kind": "note", "text": f"{num_lost} series have cloudy dates only: left out"})
    return training, held_out


def _assemble(inputs: PretextInputs) -> _Run:
    settings, training = inputs.settings, inputs.training
    inputs = replace(inputs, held_out=inputs.held_out.with_bands(training.bands))
    pretext = start_pretext(inputs)
    if inputs.processes.number > 1 and not pretext.shares_batches:
        raise SettingsError(
            "this pretext task cannot be trained by several processes",
            where="setting task.kind",
            found=settings.task.kind,
            hint="start it without torchrun",
        )
    order = None
    num_steps = settings.num_steps or 0
    if settings.num_steps != 0:
        order = BatchOrder(pretext.num_items, batch_size=settings.batch_size, seed=settings.seed)
        num_steps = num_steps or (settings.num_epochs or 0) * order.steps_per_epoch
    return _Run(settings, pretext, order, num_steps, inputs.execution, inputs.processes)


def _header(run: _Run, training: Series, provenance: JsonObject) -> WeightsHeader:
    target = run.pretext.target_normalization
    return WeightsHeader(
        format=FORMAT,
        version=VERSION,
        encoder=run.settings.encoder,
        bands=training.bands,
        processing_level=training.processing_level,
        normalization=BandMoments.of(run.pretext.normalization),
        target_normalization=None if target is None else BandMoments.of(target),
        simulated=training.simulated,
        min_bands=_min_bands(run.settings, len(training.bands)),
        smoke_test=run.settings.smoke_test,
        training_hash=run.settings.content_hash(),
        provenance={
            "windrow": __version__,
            "recipe": run.settings.recipe,
            "num_steps": run.num_steps,
            "num_series": len(training),
            "store": provenance,
        },
    )


def _min_bands(settings: PretrainingSettings, num_bands: int) -> int | None:
    """Returns the fewest bands that the weights were trained to read; None means all bands."""
    if not isinstance(settings.task, BertSettings) or not settings.task.band_dropout:
        return None
    return min(settings.task.min_bands, num_bands)


def _train(run: _Run, path: Path, *, identity: JsonObject, tell: Progress) -> None:
    settings, module = run.settings, run.pretext.module
    checkpoint = path / "checkpoint.safetensors"
    cost = CostRecord(path / "cost.json", run.pretext, batch_size=settings.batch_size)
    if run.num_steps == 0:  # a control with random weights
        if run.processes.writes:
            cost.write(0)
        return
    optimizer = build_optimizer(module, settings.optimization)
    start = 0
    if checkpoint.is_file():
        start = load_checkpoint(checkpoint, module=module, optimizer=optimizer, identity=identity)
    if not run.processes.writes:
        _steps(run, optimizer, start, None)
        return
    cost.start(start)
    metrics = Metrics(path / "metrics.jsonl", before_step=start, tell=tell)
    window = StepMeans(settings.batch_size)

    def on_step(step: int, record: Mapping[str, Tensor | float]) -> None:
        window.add(record)
        done = step + 1
        last = done == run.num_steps
        if done % settings.log_every == 0 or last:
            means = window.means()
            check_finite(means["loss"], step)
            metrics.append(training_line(step, run.num_steps, means))
        if done % settings.validate_every == 0 or last:
            metrics.append(validation_line(step, run.validation_losses()))
            window.restart()
        if done % settings.checkpoint_every == 0 or last:
            save_checkpoint(
                checkpoint, module=module, optimizer=optimizer, step=done, identity=identity
            )
            cost.write(done)

    _steps(run, optimizer, start, on_step)


def _steps(run: _Run, optimizer: Optimizer, start: int, on_step: OnStep | None) -> None:
    """Trains, without transfers from the device where task and settings allow it."""
    settings, pretext, order = run.settings, run.pretext, run.order
    assert order is not None
    rate = learning_rate(settings.optimization, num_steps=run.num_steps)
    clip = settings.optimization.gradient_clip
    device_steps = pretext.device_steps if run.execution.on_device else None
    steps = range(start, run.num_steps)
    if device_steps is None or not isinstance(optimizer, AdamW) or not steps:
        train(
            pretext.module,
            optimizer=optimizer,
            compute_loss=run.losses,
            steps=steps,
            learning_rate=rate,
            gradient_clip=clip,
            processes=run.processes if run.processes.number > 1 else None,
            on_step=on_step,
        )
        return
    capture = CaptureSettings(
        graph=run.execution.graph == "on",
        compile_update=run.execution.compile == "on",
        low_precision=run.execution.precision == "bfloat16",
        gradient_clip=clip,
        processes=run.processes,
    )
    training = CapturedTraining(
        pretext.module,
        optimizer=optimizer,
        losses=device_steps.device_losses,
        learning_rate=rate,
        steps=steps,
        first_index=order.indices(start),
        first_sizes=device_steps.sizes(order.indices(start)),
        settings=capture,
    )
    device_steps.prepare(training.runner)
    training.run(
        order.indices, sizes=lambda step: device_steps.sizes(order.indices(step)), on_step=on_step
    )


def check_finite(loss: float, step: int) -> None:
    """Stops a training whose loss is not finite.

    Args:
        loss: the loss of the step.
        step: the number of the step.

    Raises:
        SettingsError: the loss is not finite.
    """
    if not np.isfinite(loss):
        raise SettingsError(
            "the training diverged: the loss is no longer a number",
            where=f"step {step}",
            hint="lower the learning rate; the last checkpoint is still good",
        )


def _check_resumable(path: Path, settings: PretrainingSettings) -> None:
    config = path / "config.yaml"
    if not config.is_file():
        raise SettingsError("no run to resume", where=path, hint="start it anew, or name another")
    found = PretrainingSettings.from_yaml(config).to_dict()
    check_identity({"setting": found}, {"setting": settings.to_dict()}, where=config)
