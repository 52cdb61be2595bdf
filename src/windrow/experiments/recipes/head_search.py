"""Configurations of the heads, drawn once and the same for every method (section 6).

Optuna's random sampler draws ten configurations of each head from a fixed seed. The search spaces
are from the paper's section 6. ``small`` and ``tiny`` narrow them to widths of at most 64 and 32
and to few layers, so that a comparison fits a laptop. The draw of a scale never depends on the
method, the task or the data.
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
"""Seed of the draw of configurations in every study."""

NUM_CONFIGURATIONS: dict[StudyScale, int] = {"tiny": 2, "small": 3, "paper": 10}


@dataclass(frozen=True)
class Space:
    """The search space of a scale.

    Attributes:
        lstm_hidden: widths of one direction of the LSTM.
        inception_hidden: widths of a block.
        inception_layers: numbers of blocks.
        kernel_size: lengths of the longest kernel.
        transformer_width: widths d.
        num_heads: numbers of attention heads.
        num_layers: fewest and most layers of LSTM and transformer.
        learning_rate: lowest and highest, drawn on a logarithmic scale.
        dropout: lowest and highest.
        epochs: epochs of training.
        batch_size: series per step.
        min_steps: least number of steps, for few series.
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
"""The search space of each scale. ``paper`` follows section 6, with 20 epochs of batches of 256
(section 4). The smaller scales are ours: they take fewer and smaller batches, which learn too
little at the paper's rates, so their rates are three to ten times higher."""


def head_configurations(
    model: BaseModel,
    scale: StudyScale,
    *,
    variant: Variant | Corrections = "corrected",
    protocol: Literal["corrected", "paper"] = "corrected",
    number: int | None = None,
) -> tuple[SequenceTraining, ...]:
    """Returns the configurations of a head; configuration n of a scale is always the same.

    Args:
        model: lstm, inception or transformer.
        scale: tiny, small or paper.
        variant: with or without the faults of earlier code; it changes no draw.
        protocol: ``corrected`` holds a fifth of the training fields out to find the plateau,
            ``paper`` uses the training series themselves.
        number: number of configurations; None takes the number of the scale (2, 3 or 10). A
            larger number leaves the first configurations unchanged.

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
    """Draws the configurations once per process, because a study needs them for every cell."""
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
