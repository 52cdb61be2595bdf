"""Configurations of the base models, drawn once and the same for every method (section 6).

Ten of each are drawn with Optuna's random sampler from a fixed seed. The spaces are those of the
paper's section 6; ``small`` and ``tiny`` narrow them to widths of at most 64 and 32 and to few
layers, so that a comparison fits a laptop. What a scale draws never depends on the method, the
task or the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from windrow.classifiers.sequence import SequenceTraining
from windrow.errors import SettingsError
from windrow.experiments.recipes.heads import BaseModel
from windrow.experiments.recipes.known_faults import Corrections, Variant, corrections
from windrow.experiments.recipes.methods import StudyScale
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.sequence import SequenceSettings
from windrow.models.heads.transformer import TransformerSettings

if TYPE_CHECKING:
    from optuna.trial import Trial

DRAW_SEED = 2025
"""Of the draw of configurations, everywhere."""

NUM_CONFIGURATIONS: dict[StudyScale, int] = {"tiny": 2, "small": 3, "paper": 10}


@dataclass(frozen=True)
class Space:
    """What may be drawn at a scale.

    Attributes:
        lstm_hidden: widths of a direction.
        inception_hidden: widths of a block.
        inception_layers: blocks.
        kernel_size: longest kernels.
        transformer_width: widths d.
        num_heads: attention heads.
        num_layers: fewest and most layers of LSTM and transformer.
        learning_rate: lowest and highest, drawn on a logarithmic scale.
        dropout: lowest and highest.
        epochs: of training.
        batch_size: series a step.
        min_steps: at least so many steps, where series are few.
    """

    lstm_hidden: tuple[int, ...]
    inception_hidden: tuple[int, ...]
    inception_layers: tuple[int, ...]
    kernel_size: tuple[int, ...]
    transformer_width: tuple[int, ...]
    num_heads: tuple[int, ...]
    num_layers: tuple[int, int]
    learning_rate: tuple[float, float]
    dropout: tuple[float, float]
    epochs: int
    batch_size: int
    min_steps: int


SPACES: dict[StudyScale, Space] = {
    "tiny": Space(
        lstm_hidden=(16, 32),
        inception_hidden=(16, 32),
        inception_layers=(2, 4),
        kernel_size=(40, 80),
        transformer_width=(16, 32),
        num_heads=(2, 4),
        num_layers=(2, 3),
        learning_rate=(1e-4, 3e-3),
        dropout=(0.0, 0.6),
        epochs=3,
        batch_size=32,
        min_steps=1,
    ),
    "small": Space(
        lstm_hidden=(32, 64),
        inception_hidden=(32, 64),
        inception_layers=(2, 4),
        kernel_size=(40, 80),
        transformer_width=(32, 64),
        num_heads=(2, 4, 8),
        num_layers=(2, 3),
        learning_rate=(1e-4, 3e-3),
        dropout=(0.0, 0.6),
        epochs=5,
        batch_size=32,
        min_steps=1,
    ),
    "paper": Space(
        lstm_hidden=(32, 64, 128, 256),
        inception_hidden=(128, 256, 512, 1024),
        inception_layers=(2, 4, 8),
        kernel_size=(40, 80, 120, 136),
        transformer_width=(32, 64, 128),
        num_heads=(2, 4, 8),
        num_layers=(2, 6),
        learning_rate=(1e-5, 1e-3),
        dropout=(0.0, 0.6),
        epochs=20,
        batch_size=256,
        min_steps=1,
    ),
}
"""``paper``: section 6; 20 epochs of batches of 256 (section 4). Below it ours: fewer and smaller
batches see too little at the paper's rates, so the rates are three to ten times higher."""


def head_configurations(
    model: BaseModel,
    scale: StudyScale,
    *,
    variant: Variant | Corrections = "corrected",
    protocol: Literal["corrected", "paper"] = "corrected",
    number: int | None = None,
) -> tuple[SequenceTraining, ...]:
    """The configurations of a base model; number n of a scale is always the same.

    Args:
        model: lstm, inception or transformer.
        scale: tiny, small or paper.
        variant: with or without the faults of earlier code; changes no draw.
        protocol: ``corrected`` holds a fifth of the training fields out for the plateau, ``paper``
            watches the training series themselves.
        number: how many; None takes those of the scale (2, 3 or 10). More never changes the
            first ones.

    Raises:
        SettingsError: Optuna is not installed.

    Example:
        >>> len(head_configurations("lstm", "paper"))
        10
    """
    count = NUM_CONFIGURATIONS[scale] if number is None else number
    drawn = _drawn(model, scale, corrections(variant), count)
    return tuple(each.model_copy(update={"protocol": protocol}) for each in drawn)


@cache
def _drawn(
    model: BaseModel, scale: StudyScale, switches: Corrections, count: int
) -> tuple[SequenceTraining, ...]:
    """Drawn once in a process: a study asks at every cell, a budget for all of them at once."""
    try:
        import optuna
    except ImportError:
        raise SettingsError(
            "configurations are drawn with Optuna, which is not installed",
            hint="pip install 'windrow[benchmark]'",
        ) from None
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=DRAW_SEED))
        trials = [study.ask() for _ in range(count)]
        return tuple(_configuration(model, trial, SPACES[scale], switches) for trial in trials)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _configuration(
    model: BaseModel, trial: Trial, space: Space, switches: Corrections
) -> SequenceTraining:
    settings: SequenceSettings
    dropout = trial.suggest_float("dropout", *space.dropout)
    learning_rate = trial.suggest_float("learning_rate", *space.learning_rate, log=True)
    if model == "lstm":
        settings = LstmSettings(
            hidden=_choice(trial, "hidden", space.lstm_hidden),
            num_layers=trial.suggest_int("num_layers", *space.num_layers),
            dropout=dropout,
        )
    elif model == "inception":
        settings = InceptionSettings(
            hidden=_choice(trial, "hidden", space.inception_hidden),
            num_layers=_choice(trial, "num_layers", space.inception_layers),
            kernel_size=_choice(trial, "kernel_size", space.kernel_size),
            dropout=dropout,
            blocks=switches.inception_blocks,
        )
    else:
        settings = TransformerSettings(
            width=_choice(trial, "width", space.transformer_width),
            num_heads=_choice(trial, "num_heads", space.num_heads),
            num_layers=trial.suggest_int("num_layers", *space.num_layers),
            dropout=dropout,
        )
    return SequenceTraining(
        model=settings,
        epochs=space.epochs,
        min_steps=space.min_steps,
        batch_size=space.batch_size,
        learning_rate=learning_rate,
        weight_decay=1e-5,
        gradient_clip=None,
        protocol="corrected",
        plateau_share=0.2,
        plateau_patience=3,
        plateau_factor=0.5,
        plateau_watches=switches.plateau,
    )


def _choice(trial: Trial, name: str, choices: tuple[int, ...]) -> int:
    chosen = trial.suggest_categorical(name, choices)
    assert isinstance(chosen, int)
    return chosen
