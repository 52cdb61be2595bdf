"""Recipes of pre-training: all numbers, each with its source.

A recipe is a function that returns the whole settings of a pre-training. Sources: *paper* is
Patnala, Schultz, Gall (2025), Front. Remote Sens. 6:1555887; *ours* gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from windrow.errors import SettingsError
from windrow.models.encoders.transformer import EncoderSettings
from windrow.pipelines.distill import DistillationSettings
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.tasks.bert import BertSettings
from windrow.tasks.distillation import DistillationLossSettings
from windrow.tasks.losses import LossSettings, Reduction
from windrow.tasks.masking import CloudInput, MaskingSettings
from windrow.training.optimization import OptimizationSettings

GROWING_SEASON = (90, 304)
"""April to October, when held-out figures are not affected by snow (ours)."""


def encoder(*, num_layers: int, width: int, mlp_width: int) -> EncoderSettings:
    """Returns the shape of an encoder with the settings that all recipes share.

    The encoder has four heads. The paper does not give kernel and position: ours uses a patch of
    one date and the day of year as position. DENETHOR 2018 has 144 dates, the number for
    ``position = learned``.

    Args:
        num_layers: number of transformer layers.
        width: width d.
        mlp_width: width of the MLP.
    """
    return EncoderSettings(
        num_layers=num_layers,
        width=width,
        num_heads=4,
        mlp_width=mlp_width,
        kernel_size=1,
        position="day_of_year",
        num_positions=144,
    )


def task(*, cloud_input: CloudInput, reduction: Reduction) -> BertSettings:
    """Returns the pretext task with the paper's shares, target days and weights.

    Masking: section 4 (70 % random, 10 % of the distribution, 10 % unchanged, 10 % cloud). Target
    days: section 3, "two preceding time steps". Weights: equal, as the paper gives none.

    Args:
        cloud_input: reflectance that the encoder reads at cloudy dates.
        reduction: sum or mean over the bands.
    """
    return BertSettings(
        target="planetscope",
        target_offsets=(-2, -1, 0),
        masking=MaskingSettings(
            mask_ratio=0.9, cloud_ratio=0.1, proportions=(7, 1, 1), cloud_input=cloud_input
        ),
        losses=LossSettings(
            reduction=reduction,
            auxiliary="cross_entropy",
            reconstruction_weight=1.0,
            season_weight=1.0,
            cloud_weight=1.0,
        ),
    )


def optimization(*, learning_rate: float) -> OptimizationSettings:
    """Returns AdamW with a cosine schedule to zero.

    The warm-up is 5 % of the steps (5 of 100 epochs, section 4). Clipping at 1 is ours.
    """
    return OptimizationSettings(
        kind="adamw",
        schedule="cosine",
        learning_rate=learning_rate,
        betas=(0.9, 0.999),
        weight_decay=0.01,
        warmup_share=0.05,
        gradient_clip=1.0,
    )


def tiny(*, seed: int = 0) -> PretrainingSettings:
    """Returns a recipe for tests: it takes seconds and learns almost nothing."""
    return PretrainingSettings(
        recipe="tiny",
        encoder=encoder(num_layers=1, width=16, mlp_width=32),
        task=task(cloud_input="visible", reduction="mean"),
        optimization=optimization(learning_rate=3e-3),
        normalization="deviation",
        batch_size=8,
        num_steps=20,
        num_epochs=None,
        validation_share=0.2,
        num_validation_series=16,
        clear_below=128,
        growing_season=GROWING_SEASON,
        log_every=5,
        validate_every=10,
        checkpoint_every=10,
        num_predicted_series=2,
        seed=seed,
        smoke_test=True,
    )


def small(*, seed: int = 0) -> PretrainingSettings:
    """Returns a recipe for a laptop: about six minutes on two cores with bfloat16, 64,000 series.

    Held-out R2 of the near infrared on simulated series, one run each, after 22,400 series (mean
    of the day: 0.16): 0.18 with ``reduction = mean``, batches of 32 and a rate of 1e-3; 0.46 with
    ``sum`` and batches of 16 (both changed together); 0.52 with a rate of 2e-3 in addition.
    ``cloud_input`` was not compared; ``visible`` matches the stated purpose of the cloud loss.
    ``docs/log.md`` holds curves and few-label figures.
    """
    return PretrainingSettings(
        recipe="small",
        encoder=encoder(num_layers=4, width=128, mlp_width=512),
        task=task(cloud_input="visible", reduction="sum"),
        optimization=optimization(learning_rate=2e-3),
        normalization="deviation",
        batch_size=16,
        num_steps=4_000,
        num_epochs=None,
        validation_share=0.1,
        num_validation_series=500,
        clear_below=128,
        growing_season=GROWING_SEASON,
        log_every=10,
        validate_every=500,
        checkpoint_every=500,
        num_predicted_series=6,
        seed=seed,
    )


def base(*, seed: int = 0) -> PretrainingSettings:
    """Returns the recipe of the paper's ablations (section 5.2) for a GPU: 16 layers, batch 128."""
    return PretrainingSettings(
        recipe="base",
        encoder=encoder(num_layers=16, width=256, mlp_width=1_024),
        task=task(cloud_input="visible", reduction="mean"),
        optimization=optimization(learning_rate=1e-3),
        normalization="deviation",
        batch_size=128,
        num_steps=20_000,
        num_epochs=None,
        validation_share=0.05,
        num_validation_series=2_000,
        clear_below=128,
        growing_season=GROWING_SEASON,
        log_every=50,
        validate_every=1_000,
        checkpoint_every=1_000,
        num_predicted_series=6,
        seed=seed,
    )


def paper(*, seed: int = 0) -> PretrainingSettings:
    """Returns the paper's recipe (section 4): 32 layers, batch 64, 100 epochs of 150,000 series.

    Width 256: section 3. MLP 1024: the paper says only "large". ``cloud_input = masked`` and
    ``reduction = sum`` follow the wording of section 4 and equation (1).
    """
    return PretrainingSettings(
        recipe="paper",
        encoder=encoder(num_layers=32, width=256, mlp_width=1_024),
        task=task(cloud_input="masked", reduction="sum"),
        optimization=optimization(learning_rate=1e-3),
        normalization="deviation",
        batch_size=64,
        num_steps=None,
        num_epochs=100,
        validation_share=0.05,
        num_validation_series=2_000,
        clear_below=128,
        growing_season=GROWING_SEASON,
        log_every=50,
        validate_every=2_000,
        checkpoint_every=2_000,
        num_predicted_series=6,
        seed=seed,
    )


def any_bands(settings: PretrainingSettings) -> PretrainingSettings:
    """Changes a recipe of bi-modal BERT so that its weights read any three or more bands (ours).

    Half of the series of a step lose bands; the other half keep all bands, so that the encoder
    still learns from their combination. The least number is three, the bands of a camera.

    Args:
        settings: the recipe.

    Raises:
        SettingsError: the recipe has another pretext task or encoder.

    Example:
        >>> any_bands(tiny()).task.band_dropout
        0.5
    """
    if not isinstance(settings.task, BertSettings) or not isinstance(
        settings.encoder, EncoderSettings
    ):
        raise SettingsError(
            "only bi-modal BERT learns to do without bands",
            found=settings.task.kind,
            hint="run 'windrow pretrain' without --any-bands, and name the bands with --bands",
        )
    task = {**settings.task.to_dict(), "band_dropout": 0.5, "min_bands": 3}
    encoder = {**settings.encoder.to_dict(), "missing_bands": True}
    return PretrainingSettings.from_dict({**settings.to_dict(), "task": task, "encoder": encoder})


NUM_QUERIES = 24
"""Days without an observation that a series of a step is asked about (ours): a third of the dates
of a usual season, which costs a third more time a step."""


def any_day(settings: PretrainingSettings) -> PretrainingSettings:
    """Changes a recipe of bi-modal BERT so that its weights predict PlanetScope on any day (ours).

    Each series of a step is asked about days drawn at random. Their tokens hold the date and the
    mask token, and no other token attends to them.

    Args:
        settings: the recipe.

    Raises:
        SettingsError: the recipe has another pretext task or does not predict PlanetScope.

    Example:
        >>> any_day(tiny()).task.num_queries
        24
    """
    if not isinstance(settings.task, BertSettings) or settings.task.target != "planetscope":
        raise SettingsError(
            "only bi-modal BERT of both sensors learns to predict any day",
            found=settings.task.kind,
            hint="run 'windrow pretrain' without --any-day",
        )
    task = {**settings.task.to_dict(), "num_queries": NUM_QUERIES}
    return PretrainingSettings.from_dict({**settings.to_dict(), "task": task})


def student(*, seed: int = 0) -> DistillationSettings:
    """Returns a student for any teacher: two layers of width 128 over the 36 clearest dates (ours).

    It has two heads of 64 and an MLP of 256, because attention and GELU take half of the time at
    this width. ``benchmarks/student.py`` and ``docs/speed.md`` compare it with two layers of width
    128 with four heads, an MLP of 512 and 73 dates in float32.
    """
    return DistillationSettings(
        recipe="student",
        encoder=EncoderSettings(
            num_layers=2,
            width=128,
            num_heads=2,
            mlp_width=256,
            kernel_size=1,
            position="day_of_year",
            num_positions=36,
        ),
        max_dates=36,
        losses=DistillationLossSettings(date_weight=1.0, month_weight=1.0, mean_weight=1.0),
        optimization=optimization(learning_rate=2e-3),
        batch_size=64,
        num_steps=3_000,
        validation_share=0.1,
        num_validation_series=500,
        log_every=50,
        validate_every=500,
        seed=seed,
    )


RECIPES: dict[str, Callable[..., PretrainingSettings]] = {
    "tiny": tiny,
    "small": small,
    "base": base,
    "paper": paper,
}


def recipe(name: str, *, seed: int = 0) -> PretrainingSettings:
    """Returns the settings of a recipe by its name.

    Args:
        name: name of the recipe.
        seed: seed of every random draw.

    Raises:
        SettingsError: there is no such recipe.

    Example:
        >>> recipe("paper").encoder.num_layers
        32
    """
    if name not in RECIPES:
        raise SettingsError("unknown recipe", found=name, expected=", ".join(RECIPES))
    return RECIPES[name](seed=seed)
