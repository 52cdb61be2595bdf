"""The settings of a whole pre-training with any encoder and pretext task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.models.encoders.build import AnyEncoderSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.bert import BertSettings
from windrow.tasks.contrastive import (
    PixelContrastiveSettings,
    ScarfSettings,
    YearContrastiveSettings,
)
from windrow.tasks.untrained import UntrainedSettings
from windrow.training.optimization import OptimizationSettings

AnyTaskSettings = Annotated[
    BertSettings
    | PixelContrastiveSettings
    | ScarfSettings
    | YearContrastiveSettings
    | UntrainedSettings,
    Field(discriminator="kind"),
]
"""Settings of any pretext task; the field ``kind`` names the task."""


class PretrainingSettings(Settings):
    """Settings of a whole pre-training; a recipe returns them."""

    recipe: str = Field(description="name of the recipe it comes from")
    encoder: AnyEncoderSettings = Field(description="kind and shape of the encoder")
    task: AnyTaskSettings = Field(description="pretext task and its settings")
    optimization: OptimizationSettings
    normalization: Literal["deviation", "variance"] = Field(
        description="divisor of the bands; variance reproduces a fault of earlier code"
    )
    batch_size: int = Field(ge=1)
    num_steps: int | None = Field(ge=0, description="length in steps, or None")
    num_epochs: int | None = Field(ge=1, description="length in epochs, or None")
    validation_share: float = Field(gt=0, lt=1, description="share of the fields held out")
    num_validation_series: int = Field(ge=1, description="the most held-out series to evaluate")
    clear_below: int = Field(ge=1, le=256, description="cloud probability of a clear observation")
    growing_season: tuple[int, int] = Field(
        description="first target day of the growing season, and first day after it"
    )
    log_every: int = Field(ge=1, description="steps between lines of metrics")
    validate_every: int = Field(ge=1, description="steps between validations")
    checkpoint_every: int = Field(ge=1, description="steps between checkpoints")
    num_predicted_series: int = Field(
        ge=1, description="held-out pixels in predictions.parquet, where something is predicted"
    )
    seed: int = Field(ge=0)
    drop_cloudy_from: int | None = Field(
        None, ge=1, le=255, description="drop dates from this cloud probability on, or None"
    )
    bands: tuple[str, ...] | None = Field(
        None,
        exclude_if=lambda value: value is None,  # absent, so that hashes of other runs stay
        description="Sentinel-2 bands to train on; None takes all bands of the store",
    )
    smoke_test: bool = Field(
        False,
        exclude_if=lambda value: not value,  # absent, so that other hashes stay
        description="True for a recipe that only tests that training runs",
    )

    @model_validator(mode="after")
    def _lengths_fit(self) -> PretrainingSettings:
        if (self.num_steps is None) == (self.num_epochs is None):
            raise ValueError("give either num_steps or num_epochs")
        dropout = isinstance(self.task, BertSettings) and self.task.band_dropout > 0
        takes_missing = isinstance(self.encoder, EncoderSettings) and self.encoder.missing_bands
        if dropout != takes_missing:
            raise ValueError("task.band_dropout and encoder.missing_bands go together")
        if self.checkpoint_every % self.log_every:
            raise ValueError("checkpoint_every must be a multiple of log_every")
        return self
