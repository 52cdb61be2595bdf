"""Bi-modal BERT as a pretext task of :mod:`windrow.pipelines.pretrain`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.day_of_year import NUM_MONTHS
from windrow.data.series import Series
from windrow.errors import DataError, SettingsError
from windrow.evaluation.reconstruction import PretextData, evaluate_pretext, predict_table
from windrow.evaluation.reconstruction_figures import ReconstructionFigures
from windrow.files import atomic_file
from windrow.models.bimodal_bert import BimodalBert
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.flops import encoder_flops
from windrow.models.kernels.fused_blocks import can_fuse
from windrow.models.kernels.packing import packed_size
from windrow.pipelines.pretext.protocol import (
    STREAMS,
    DeviceSteps,
    Part,
    PretextInputs,
    check_levels,
)
from windrow.tasks.bert import (
    BertSettings,
    Sizes,
    apply_model,
    bert_losses,
    build_model,
    masked_batch,
)
from windrow.tasks.keyed_random import StepDraws, seeded_draws


class BertPretext:
    """Masked prediction of PlanetScope, or of Sentinel-2 for the control.

    Args:
        inputs: settings and series.

    Raises:
        DataError: the series cannot be trained on.
        SettingsError: the encoder is not a transformer, or has too few learned positions.
    """

    def __init__(self, inputs: PretextInputs) -> None:
        settings = inputs.settings
        assert isinstance(settings.task, BertSettings)
        if not isinstance(settings.encoder, EncoderSettings):
            raise SettingsError(
                "bi-modal BERT needs a transformer",
                where="setting encoder.kind",
                found=settings.encoder.kind,
                expected="transformer",
            )
        self._settings = settings
        self._task = settings.task
        self._encoder = settings.encoder
        self._execution = inputs.execution
        self._processes = inputs.processes
        _check_series(inputs.training, inputs.held_out, settings.task, settings.encoder)
        self.normalization = inputs.normalization()
        self.target_normalization = self.normalization
        if settings.task.target == "planetscope":
            self.target_normalization = inputs.planetscope_normalization()
        module = build_model(
            settings.encoder,
            settings.task,
            num_bands=len(inputs.training.bands),
            seed=settings.seed,
        )
        self.module = module.to(inputs.execution.device)
        self._resident = {
            "training": self._resident_data(inputs.training),
            "held_out": self._resident_data(inputs.held_out),
        }
        self._held_out = PretextData(inputs.training, inputs.held_out, self._resident["held_out"])
        self.num_items = len(inputs.training)
        self.shares_batches = True
        self.notes: tuple[str, ...] = ()
        if not self._resident["training"].has_cloud:
            self.notes = ("no cloud probability: the cloud loss is off",)

    @property
    def device_steps(self) -> DeviceSteps:
        """This object: it has :meth:`device_losses`, :meth:`sizes` and :meth:`prepare`."""
        return self

    def losses(self, part: Part, index: Tensor, draws: StepDraws) -> dict[str, Tensor]:
        """Computes equations (1) to (3) under masks drawn from ``draws``.

        Where several processes train, ``index`` holds the whole batch and the losses cover the
        series of this process. Their mean over the processes is the loss of the batch.
        """
        data, sizes = self._resident[part], None
        rows = self._rows(index) if part == "training" else None
        if self._packs(data):
            counts = data.num_valid[index.cpu().numpy()[rows or slice(None)]]
            sizes = Sizes(max(int(counts.max()), 1), max(int(counts.sum()), 1))
        batch, masked = masked_batch(data, index, self._task, draws, rows=rows, sizes=sizes)
        with self._execution.autocast():
            outputs = apply_model(self.module, batch, masked, sizes=sizes)
        mean_count = self._processes.mean_count if part == "training" else _alone
        return bert_losses(outputs, batch, masked, self._task.losses, mean_count=mean_count)

    def device_losses(
        self, module: nn.Module, index: Tensor, step: Tensor, sizes: Sizes | None
    ) -> dict[str, Tensor]:
        """Computes the losses of a training step without any transfer from the device.

        Args:
            module: the trained module, or a copy of it in another precision.
            index: (n,) int64 positions of the series of the whole batch.
            step: () int64 on the device.
            sizes: from :meth:`sizes`.
        """
        assert isinstance(module, BimodalBert)
        data, rows = self._resident["training"], self._rows(index)
        draws = seeded_draws(self._settings.seed, STREAMS["training"], step=step, series=index)
        batch, masked = masked_batch(data, index, self._task, draws, rows=rows, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        mean_count = self._processes.mean_count
        return bert_losses(outputs, batch, masked, self._task.losses, mean_count=mean_count)

    def sizes(self, index: Tensor) -> Sizes | None:
        """Returns the packed sizes of a batch, of few distinct values; None without packing.

        Args:
            index: (n,) positions of the whole batch, in host memory.
        """
        data = self._resident["training"]
        if not self._packs(data):
            return None
        counts = data.num_valid[index.numpy()[self._rows(index) or slice(None)]]
        return Sizes(max(int(data.num_valid.max()), 1), packed_size(int(counts.sum())))

    def prepare(self, module: nn.Module) -> None:
        """Speeds up a copy of the module by fused kernels, or else by compiled blocks."""
        assert isinstance(module, BimodalBert)
        if self._execution.compile != "on":
            return
        encoder = module.encoder
        if self._execution.precision == "bfloat16" and self._execution.device != "cpu":
            encoder.residual_precision = torch.bfloat16
        fits = can_fuse(
            self._resident["training"].normalization.mean,
            encoder.embedding.patch.weight,
            head_width=self._encoder.width // self._encoder.num_heads,
            num_dates=self._resident["training"].num_dates,
        )
        encoder.fused = fits
        if not fits:
            for block in encoder.blocks:
                block.compile(dynamic=False, fullgraph=True)

    def _packs(self, data: PretrainingData) -> bool:
        share = float(data.num_valid.mean()) / data.num_dates
        return not self._task.num_queries and self._execution.packs(share)

    def _rows(self, index: Tensor) -> slice | None:
        return self._processes.rows(len(index))

    def validation_batches(self) -> list[Tensor]:
        """Returns all held-out series in their order."""
        every = torch.arange(self._resident["held_out"].num_series)
        return list(torch.split(every, self._settings.batch_size))

    def evaluate(self, path: Path) -> ReconstructionFigures:
        """Evaluates on the held-out series and writes a table of predictions.

        Returns:
            the result of :func:`windrow.evaluation.reconstruction.evaluate_pretext`.
        """
        settings = self._settings
        figures = evaluate_pretext(
            self.module,
            self._held_out,
            task=self._task,
            seed=settings.seed,
            clear_below=settings.clear_below,
            growing_season=settings.growing_season,
        )
        if self._task.target == "planetscope":
            table = predict_table(
                self.module,
                self._held_out,
                task=self._task,
                seed=settings.seed,
                num_series=settings.num_predicted_series,
            )
            with atomic_file(path / "predictions.parquet") as temporary:
                table.to_parquet(temporary, index=False)
        return figures

    def flops_per_item(self) -> int:
        """Operations of the encoder and the three linear layers, for a series of valid dates."""
        num_dates = self._resident["training"].num_dates
        encoder = encoder_flops(
            self._encoder, num_bands=self.module.encoder.num_bands, num_dates=num_dates
        )
        width = self._encoder.width
        outputs = self.module.num_lags * self.module.num_values + self.module.cloud.out_features
        season = NUM_MONTHS * self.module.season.out_features
        return encoder + 2 * width * (num_dates * outputs + season)

    def _resident_data(self, series: Series) -> PretrainingData:
        return PretrainingData(
            series,
            normalization=self.normalization,
            target=self._task.target,
            target_normalization=self.target_normalization,
            target_offsets=self._task.target_offsets,
            device=self._execution.device,
        )


def _check_series(
    training: Series, held_out: Series, task: BertSettings, encoder: EncoderSettings
) -> None:
    for series in (training, held_out):
        if task.target == "planetscope" and series.planetscope is None:
            raise DataError(
                "the series have no PlanetScope to predict",
                hint="use a store with both sensors, or the setting task.target = sentinel2",
            )
    if task.num_queries and (encoder.position, encoder.kernel_size) != ("day_of_year", 1):
        raise SettingsError(
            "a day without an observation is known by its date alone",
            where="setting task.num_queries",
            found=f"position {encoder.position}, kernel_size {encoder.kernel_size}",
            expected="position day_of_year, kernel_size 1",
        )
    check_levels(training, held_out)
    for series in (training, held_out):
        longest = int(series.valid.sum(axis=1).max())
        if encoder.position == "learned" and longest > encoder.num_positions:
            raise SettingsError(
                "the series have more dates than the encoder has learned positions",
                where="setting encoder.num_positions",
                found=encoder.num_positions,
                expected=f"at least {longest}",
            )


def _alone(count: Tensor) -> Tensor:
    return count
