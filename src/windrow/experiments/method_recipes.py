"""The numbers of the compared methods at every scale, each with its source.

As in :mod:`windrow.experiments.recipes`: *paper* is Patnala, Schultz, Gall (2025), *2024* its
forerunner on ResMLP, *ours* says why. Scale ``tiny`` keeps every width at most 32 and learns next
to nothing, ``small`` at most 64; ``paper`` is as published.
"""

from __future__ import annotations

from typing import Literal

from windrow.experiments import recipes
from windrow.experiments.corrections import Corrections
from windrow.experiments.pretraining_settings import PretrainingSettings
from windrow.models.bands import BandsSettings
from windrow.models.encoder import EncoderSettings
from windrow.tasks.untrained import UntrainedSettings

Scale = Literal["tiny", "small", "paper"]
"""How large a benchmark is."""


def bert(scale: Scale, seed: int, switches: Corrections) -> PretrainingSettings:
    """Bi-modal BERT; below ``paper`` the task and rate of recipe ``small``, in smaller shapes."""
    if scale == "paper":
        return _with(recipes.paper(seed=seed), switches, recipe="bert/paper")
    chosen = recipes.small(seed=seed)
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


def sentinel2_bert(scale: Scale, seed: int, switches: Corrections) -> PretrainingSettings:
    """The control: the same masks, the Sentinel-2 values of the masked dates as the target."""
    chosen = bert(scale, seed, switches)
    task = chosen.task.model_copy(update={"target": "sentinel2", "target_offsets": (0,)})
    return chosen.model_copy(update={"task": task, "recipe": f"bert-sentinel2/{scale}"})


def random_encoder(scale: Scale, seed: int, switches: Corrections) -> PretrainingSettings:
    """BERT's encoder with the weights it was drawn with."""
    return _untrained(bert(scale, seed, switches), recipe=f"random-encoder/{scale}")


def bands(scale: Scale, seed: int, switches: Corrections) -> PretrainingSettings:
    """No encoder: the bands, standardised with the moments of the pre-training series."""
    chosen = bert(scale, seed, switches)
    return _untrained(chosen, recipe=f"bands/{scale}", encoder=BandsSettings())


def _bert_encoder(scale: Scale) -> EncoderSettings:
    if scale == "tiny":
        return recipes.encoder(num_layers=2, width=32, mlp_width=64)
    return recipes.encoder(num_layers=4, width=64, mlp_width=256)


def _untrained(settings: PretrainingSettings, **changes: object) -> PretrainingSettings:
    update = {"task": UntrainedSettings(), "num_steps": 0, "num_epochs": None, **changes}
    return settings.model_copy(update=update)


def _with(
    settings: PretrainingSettings, switches: Corrections, **changes: object
) -> PretrainingSettings:
    return settings.model_copy(update={"normalization": switches.normalization, **changes})
