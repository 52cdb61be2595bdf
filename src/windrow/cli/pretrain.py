"""``windrow pretrain``: pre-trains an encoder by a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.experiments.methods import METHODS
from windrow.experiments.recipes.methods import StudyScale
from windrow.experiments.recipes.pretraining import RECIPES, any_bands, any_day, recipe
from windrow.experiments.recipes.worlds import WORLD_RECIPES, world_recipe
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.run.progress import training_progress
from windrow.pipelines.world_pretraining import pretrain_on_worlds
from windrow.pipelines.world_settings import WorldPretrainingSettings
from windrow.processes import number_of_cores
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True)
class Pretrain:
    """Pre-trains an encoder on a store with both sensors.

    RECIPE comes first: tiny, small, base or paper, or a compared method with a scale, such as
    resmlp/small. The recipe windrow-1 learns from simulated places and needs no store. The
    defaults below come from the recipe.
    """

    data: Path
    """Series store with both sensors."""
    out: Path
    """The run directory to write; must not exist, unless --resume."""
    settings: Annotated[PretrainingSettings, tyro.conf.arg(name="")]
    """What the recipe says; change any of it."""
    execution: ExecutionSettings
    """Speed settings; they change results by rounding at most."""
    any_bands: bool = False
    """Hide random bands in training, so that the weights can read any three or more bands."""
    any_day: bool = False
    """Ask about days without an observation too, so that 'windrow reconstruct' can predict
    PlanetScope on any day."""
    resume: bool = False
    """Go on from the run's last checkpoint, to the same result."""


@dataclass(frozen=True)
class PretrainOnWorlds:
    """Pre-trains the place network on episodes of simulated places.

    RECIPE comes first: windrow-1. The places are simulated first and kept in a folder.
    """

    out: Path
    """The run directory to write; must not exist, unless --resume."""
    settings: Annotated[WorldPretrainingSettings, tyro.conf.arg(name="")]
    """What the recipe says; change any of it."""
    worlds: Path | None = None
    """Folder that keeps the simulated places for later runs; by default RUN/worlds."""
    workers: int | None = None
    """Number of processes that simulate, one thread each; by default one per core."""
    resume: bool = False
    """Go on from the run's last checkpoint, to the same result."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow pretrain RECIPE --data STORE --out RUN [--resume]``."""
    name, words = _recipe_first(arguments)
    if name in WORLD_RECIPES:
        _on_worlds(name, words)
        return
    defaults = Pretrain(
        data=tyro.MISSING,
        out=tyro.MISSING,
        settings=_settings(name),
        execution=ExecutionSettings(),
    )
    options = parse(
        Pretrain,
        words,
        prog="windrow pretrain RECIPE",
        default=defaults,
        config=(tyro.conf.AvoidSubcommands,),
    )
    settings = any_bands(options.settings) if options.any_bands else options.settings
    settings = any_day(settings) if options.any_day else settings
    with progress("pre-training", "steps") as advance:
        pretrain(
            settings,
            options.data,
            options.out,
            resume=options.resume,
            execution=options.execution,
            on_progress=training_progress(advance),
        )
    print(options.out)


def _on_worlds(name: str, words: Sequence[str]) -> None:
    options = tyro.cli(
        PretrainOnWorlds,
        args=words,
        prog=f"windrow pretrain {name}",
        default=PretrainOnWorlds(out=tyro.MISSING, settings=world_recipe(name)),
        config=(tyro.conf.AvoidSubcommands,),
    )
    with progress("simulating", "worlds") as worlds, progress("pre-training", "steps") as advance:
        pretrain_on_worlds(
            options.settings,
            options.out,
            worlds_path=options.worlds,
            resume=options.resume,
            num_workers=options.workers or number_of_cores(),
            on_worlds=worlds,
            on_progress=training_progress(advance),
        )
    print(options.out)


def _settings(name: str) -> PretrainingSettings:
    method, _, scale = name.partition("/")
    if not scale:
        return recipe(name)
    if method not in METHODS or scale not in get_args(StudyScale):
        raise SettingsError(
            "no such method and scale",
            found=name,
            expected=f"one of {', '.join(METHODS)}; / and one of {', '.join(get_args(StudyScale))}",
        )
    return METHODS[method].settings(scale)  # type: ignore[arg-type]


def _recipe_first(arguments: Sequence[str]) -> tuple[str, list[str]]:
    words = list(arguments)
    if any(word in ("-h", "--help") for word in words):
        return (words[0] if not words[0].startswith("-") else "small"), ["--help"]
    if not words or words[0].startswith("-"):
        known = ", ".join((*RECIPES, *WORLD_RECIPES))
        raise SettingsError("no recipe", expected=f"one of {known}, first")
    return words[0], words[1:]
