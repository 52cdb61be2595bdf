"""Runs the paper's workflow once: simulate pairs, pre-train, classify from few labels, compare.

All data of the demo are simulated, and its output is marked as simulated.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from windrow.config import Settings
from windrow.data.store.store import Store
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import FewshotFigures, write_fewshot
from windrow.evaluation.fewshot.settings import FewshotSettings
from windrow.experiments.recipes.heads import comparison, fewshot_settings
from windrow.experiments.recipes.pretraining import small
from windrow.files import refuse_existing
from windrow.inference.frozen_encoder import load
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.run.progress import ProgressOf, training_progress
from windrow.simulation.generate import simulate_store


class PretrainingDemoSettings(Settings):
    """Settings of the demo."""

    scenario: str = Field(description="simulated region and year")
    num_series: int = Field(ge=1, description="paired series to pre-train on")
    num_held_out_series: int = Field(ge=1, description="series of other landscapes, for the heads")
    seed: int = Field(ge=0)
    pretraining: PretrainingSettings
    fewshot: FewshotSettings


def pretraining_demo_settings(*, seed: int = 0) -> PretrainingDemoSettings:
    """Returns the settings of ``windrow demo --pretrain``, a quarter of an hour on two cores.

    Heads learn from ten labelled fields per class in three draws. They are tested on all fields of
    the other half of the held-out landscapes.

    Args:
        seed: seed of every random draw.
    """
    return PretrainingDemoSettings(
        scenario="brandenburg-2018",
        num_series=6_000,
        num_held_out_series=4_800,
        seed=seed,
        pretraining=small(seed=seed),
        fewshot=fewshot_settings(
            heads=comparison(sequence_heads=("transformer",)), k=(10,), num_draws=3, seed=seed
        ),
    )


def run_pretraining_demo(
    out: str | Path, settings: PretrainingDemoSettings, *, progress: ProgressOf, num_workers: int
) -> FewshotFigures:
    """Runs the demo into a folder, which must not exist.

    The folder then holds ``train`` and ``held-out`` (stores), ``pretraining`` (a run directory)
    and ``fewshot`` (the comparison).

    Args:
        out: the folder.
        settings: see :func:`pretraining_demo_settings`.
        progress: opens the progress display of each step.
        num_workers: number of processes that simulate.

    Returns:
        the content of ``fewshot/fewshot.json``.

    Raises:
        OutputError: the folder exists already or cannot be written.
    """
    folder = Path(out)
    refuse_existing(folder)
    # Another seed gives other landscapes: no field, weather or cloud is shared.
    for name, num_series, seed in (
        ("train", settings.num_series, 2 * settings.seed),
        ("held-out", settings.num_held_out_series, 2 * settings.seed + 1),
    ):
        with progress(f"simulating {name}", "series") as advance:
            simulate_store(
                folder / name,
                scenario=settings.scenario,
                num_series=num_series,
                seed=seed,
                num_workers=num_workers,
                on_progress=advance,
            )
    with progress("pre-training", "steps") as advance:
        pretrain(
            settings.pretraining,
            folder / "train",
            folder / "pretraining",
            on_progress=training_progress(advance),
        )
    held_out = Store(folder / "held-out").series(planetscope=False)
    with progress("comparing heads", "heads") as advance:
        result = fewshot(
            held_out,
            None,
            load(folder / "pretraining"),
            settings.fewshot,
            lambda done, total, _: advance(done, total),
        )
    write_fewshot(folder / "fewshot", result)
    return result.to_dict()
