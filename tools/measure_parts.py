"""Measures what the parts of ``windrow-1`` bring: short trainings, each without one of them.

    python tools/measure_parts.py --worlds FOLDER --out FOLDER [--num-steps 2000] [--seeds 0 1 2]

Each training is a run directory of its own; a finished one is kept, so the tool can be stopped and
started again. It prints the difference in accuracy to the whole recipe, averaged over the families
of simulated places that were held out, with the standard error over seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

from windrow.experiments.recipes.worlds import windrow_1
from windrow.pipelines.world_pretraining import pretrain_on_worlds
from windrow.pipelines.world_settings import WorldPretrainingSettings

PARTS = ("whole", "no-attention", "no-prior", "quarter", "earth-only", "farmland-only")
LABELS = ("0", "1", "5", "10")


def settings_without(part: str, *, seed: int, num_steps: int) -> WorldPretrainingSettings:
    """Returns the recipe without a part, shortened.

    Args:
        part: one of ``PARTS``.
        seed: seed of weights and episodes.
        num_steps: steps of the training.
    """
    whole = windrow_1(seed=seed)
    short = {"num_steps": num_steps, "validate_every": num_steps, "checkpoint_every": 500}
    task = whole.task
    labelled = 1.0 - task.label_weights[0]
    changes: dict[str, dict[str, object]] = {
        "whole": {},
        "no-attention": {"network": whole.network.model_copy(update={"num_layers": 0})},
        "no-prior": {
            "task": task.model_copy(
                update={
                    "all_known": 0.0,
                    "some_known": 0.0,
                    "num_labelled": task.num_labelled[1:],
                    "label_weights": tuple(w / labelled for w in task.label_weights[1:]),
                    "prior_weight": 0.0,
                }
            )
        },
        "quarter": {
            "num_worlds": whole.num_worlds // 4,
            "num_scenario_worlds": whole.num_scenario_worlds // 4,
        },
        "earth-only": {"num_scenario_worlds": 0},
        "farmland-only": {"num_worlds": 1},
    }
    return whole.model_copy(update={**short, **changes[part]})


def accuracies(run: Path) -> dict[str, dict[str, float]]:
    """Reads the accuracy at the end of a run, by family and labelled fields per class."""
    found: dict[str, dict[str, float]] = json.loads((run / "evaluation.json").read_text())[
        "accuracy_at_the_end"
    ]
    return found


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--num-steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for part in PARTS:
            run = options.out / f"{part}-{seed}"
            if (run / "evaluation.json").is_file():
                continue
            settings = settings_without(part, seed=seed, num_steps=options.num_steps)
            pretrain_on_worlds(settings, run, worlds_path=options.worlds, resume=run.is_dir())
            print(f"{run.name} is trained", file=sys.stderr, flush=True)
    print("part          " + "".join(f"{k:>14}" for k in LABELS))
    for part in PARTS[1:]:
        cells = []
        for k in LABELS:
            gains = [
                np.mean([
                    found[k] - accuracies(options.out / f"whole-{seed}")[family][k]
                    for family, found in accuracies(options.out / f"{part}-{seed}").items()
                    if k in found
                ])
                for seed in options.seeds
            ]  # fmt: skip
            error = np.std(gains, ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else np.nan
            cells.append(f"{100 * np.mean(gains):+6.1f} +- {100 * error:.1f}")
        print(f"{part:14}" + "".join(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
