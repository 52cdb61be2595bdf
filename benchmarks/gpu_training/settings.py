"""What is measured: the paper's recipe, and a shape so small that a processor tries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.bert import BertSettings
from windrow.tasks.losses import LossSettings
from windrow.tasks.masking import MaskingSettings
from windrow.training.optimization import OptimizationSettings


@dataclass(frozen=True)
class Shape:
    """Sizes of a batch and of the encoder.

    Attributes:
        batch: series of a step.
        dates: of a series.
        width: D.
        mlp: hidden width of the MLP.
        layers: blocks.
        heads: of attention.
    """

    batch: int
    dates: int
    width: int
    mlp: int
    layers: int
    heads: int

    @property
    def tokens(self) -> int:
        """Of a batch without padding."""
        return self.batch * self.dates

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.width // self.heads

    def encoder(self, **changes: Any) -> EncoderSettings:
        """An encoder of the shape; given here because recipes need pandas and zarr."""
        settings = {
            "num_layers": self.layers, "width": self.width, "num_heads": self.heads,
            "mlp_width": self.mlp, "kernel_size": 1, "position": "day_of_year",
            "num_positions": self.dates,
        }  # fmt: skip
        return EncoderSettings.from_dict(settings | changes)


SHAPES = {
    "paper": Shape(batch=64, dates=144, width=256, mlp=1024, layers=32, heads=4),
    "tiny": Shape(batch=4, dates=12, width=32, mlp=64, layers=2, heads=2),
}
PAPER_STEPS = 100 * 150_000 // SHAPES["paper"].batch


def paper_task() -> BertSettings:
    """The pretext task of recipe ``paper``."""
    return BertSettings(
        target="planetscope",
        target_offsets=(-2, -1, 0),
        masking=MaskingSettings(
            mask_ratio=0.9, cloud_ratio=0.1, proportions=(7, 1, 1), cloud_input="masked"
        ),
        losses=LossSettings(
            reduction="sum", auxiliary="cross_entropy", reconstruction_weight=1.0,
            season_weight=1.0, cloud_weight=1.0,
        ),
    )  # fmt: skip


def paper_optimization() -> OptimizationSettings:
    """The optimization of recipe ``paper``."""
    return OptimizationSettings(
        kind="adamw", schedule="cosine", learning_rate=1e-3, betas=(0.9, 0.999),
        weight_decay=0.01, warmup_share=0.05, gradient_clip=1.0,
    )  # fmt: skip
