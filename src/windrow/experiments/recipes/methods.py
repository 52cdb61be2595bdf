"""The numbers of the compared methods at every scale, each with its source.

Sources, as in :mod:`windrow.experiments.recipes.pretraining`: *paper* is Patnala, Schultz, Gall
(2025), *2024* is the earlier paper on ResMLP, *ours* gives the reason. ``tiny`` limits every width
to 32 and learns almost nothing, ``small`` limits widths to 64, ``paper`` is the published size.
"""

from __future__ import annotations

from typing import Literal

from windrow.experiments.recipes import pretraining
from windrow.experiments.recipes.known_faults import Corrections
from windrow.models.encoders.identity import BandsSettings
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.tasks.contrastive import (
    ContrastiveLossSettings,
    CorruptionSettings,
    PixelContrastiveSettings,
    ScarfSettings,
    YearContrastiveSettings,
)
from windrow.tasks.untrained import UntrainedSettings
from windrow.training.optimization import OptimizationSettings

StudyScale = Literal["tiny", "small", "paper"]
"""Size of a benchmark."""


def bert(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns bi-modal BERT.

    Below ``paper`` a smaller encoder with task and rate of recipe ``small``.
    """
    if scale == "paper":
        return _with(pretraining.paper(seed=seed), switches, recipe="bert/paper")
    chosen = pretraining.small(seed=seed)
    shape, num_steps = _bert_encoder(scale), 3_000
    log_every, validate_every = 10, 500
    if scale == "tiny":
        num_steps, log_every, validate_every = 120, 10, 60
    return _with(
        chosen,
        switches,
        recipe=f"bert/{scale}",
        encoder=shape,
        num_steps=num_steps,
        log_every=log_every,
        validate_every=validate_every,
        checkpoint_every=validate_every,
        num_validation_series=64 if scale == "tiny" else 500,
    )


def sentinel2_bert(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns the control with one sensor.

    The same masks, with the masked Sentinel-2 values as target.
    """
    chosen = bert(scale, seed, switches)
    task = chosen.task.model_copy(update={"target": "sentinel2", "target_offsets": (0,)})
    return chosen.model_copy(update={"task": task, "recipe": f"bert-sentinel2/{scale}"})


def resmlp(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns ResMLP, bi-modal contrastive (2024).

    64 blocks of 256, batch 2048, Adam 1e-3, decay 1e-5.

    Temperature 0.07 and no corruption of the inputs; the width of the projectors is ours.
    """
    task = PixelContrastiveSettings(
        loss=_loss(), projection_width=_projection_width(scale), corruption=None
    )
    return _pixel_contrastive(scale, seed, switches).model_copy(
        update={"task": task, "recipe": f"resmlp/{scale}"}
    )


def scarf(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns SCARF, uni-modal (2024).

    The same branch, 20 to 60 % of the bands of the second view.
    """
    task = ScarfSettings(
        loss=_loss(),
        projection_width=_projection_width(scale),
        corruption=CorruptionSettings(lowest=0.2, highest=0.6),
        views=switches.scarf_corruption,
    )
    return _pixel_contrastive(scale, seed, switches).model_copy(
        update={"task": task, "recipe": f"scarf/{scale}"}
    )


def spectro_temporal(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns spectro-temporal contrastive (section 5.4): two transformers of 4 layers, d = 64.

    The paper's batch fills a 16 GB GPU (ours: 256). AdamW and schedule are as for BERT. Below
    ``paper`` PlanetScope has one date in five days, a product that Planet Fusion offers too.
    """
    shape = {"tiny": (2, 32, 64), "small": (4, 64, 256), "paper": (4, 64, 256)}[scale]
    task = YearContrastiveSettings(
        loss=_loss(),
        projection_width=_projection_width(scale),
        planetscope_every=1 if scale == "paper" else 5,
    )
    length = {"tiny": 60, "small": 1_000, "paper": None}[scale]
    return bert(scale, seed, switches).model_copy(
        update={
            "recipe": f"spectro-temporal/{scale}",
            "encoder": pretraining.encoder(num_layers=shape[0], width=shape[1], mlp_width=shape[2]),
            "task": task,
            "optimization": pretraining.optimization(learning_rate=1e-3),
            "batch_size": {"tiny": 16, "small": 64, "paper": 256}[scale],
            "num_steps": length,
            "num_epochs": None if length else 100,
        }
    )


def _pixel_contrastive(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns the settings that ResMLP and SCARF share.

    Below ``paper`` fewer, narrower blocks (ours).
    """
    num_layers, width = {"tiny": (4, 32), "small": (16, 64), "paper": (64, 256)}[scale]
    length = {"tiny": 120, "small": 2_000, "paper": None}[scale]
    return bert(scale, seed, switches).model_copy(
        update={
            "encoder": ResmlpSettings(num_layers=num_layers, width=width, dropout=0.1),
            "optimization": OptimizationSettings(
                kind="adam",
                schedule="constant",
                learning_rate=1e-3,
                betas=(0.9, 0.999),
                weight_decay=1e-5,
                warmup_share=0.0,
                gradient_clip=None,
            ),
            "batch_size": {"tiny": 256, "small": 512, "paper": 2_048}[scale],
            "num_steps": length,
            "num_epochs": None if length else 100,
        }
    )


def _loss() -> ContrastiveLossSettings:
    """Returns NT-Xent at temperature 0.07 (2024).

    Barlow Twins with weight 0.005 (Zbontar et al. 2021).
    """
    return ContrastiveLossSettings(kind="nt_xent", temperature=0.07, redundancy_weight=0.005)


def _projection_width(scale: StudyScale) -> int:
    return {"tiny": 32, "small": 64, "paper": 128}[scale]


def random_encoder(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """BERT's encoder with random weights."""
    return _untrained(bert(scale, seed, switches), recipe=f"random-encoder/{scale}")


def bands(scale: StudyScale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Returns no encoder: the bands, standardised with the moments of the pre-training series."""
    chosen = bert(scale, seed, switches)
    return _untrained(chosen, recipe=f"bands/{scale}", encoder=BandsSettings())


def _bert_encoder(scale: StudyScale) -> EncoderSettings:
    if scale == "tiny":
        return pretraining.encoder(num_layers=2, width=32, mlp_width=64)
    return pretraining.encoder(num_layers=4, width=64, mlp_width=256)


def _untrained(settings: PretrainingSettings, **changes: object) -> PretrainingSettings:
    update = {"task": UntrainedSettings(), "num_steps": 0, "num_epochs": None, **changes}
    return settings.model_copy(update=update)


def _with(
    settings: PretrainingSettings, switches: Corrections, **changes: object
) -> PretrainingSettings:
    return settings.model_copy(update={"normalization": switches.normalization, **changes})
