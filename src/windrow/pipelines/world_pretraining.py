"""Pre-training of the place network on episodes of simulated places, to a run directory.

The run directory holds ``config.yaml``, ``environment.json``, ``metrics.jsonl``,
``checkpoint.safetensors``, ``weights.safetensors`` and ``evaluation.json``. The kept weights are
from the validation with the highest accuracy over families of held-out places: other places,
crops, climates and levels. ``resume`` continues a run that was killed from its checkpoint, to the
same weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import torch
from torch import Tensor

from windrow.data.normalization import Normalization
from windrow.data.place_fields import PlaceFields
from windrow.errors import SettingsError
from windrow.files import refuse_existing, write_json, write_text
from windrow.models.place_network import (
    PlaceNetwork,
    build_place_network,
)
from windrow.models.place_weights import PlaceWeightsHeader, write_place_weights
from windrow.pipelines.pretrain import check_finite
from windrow.pipelines.run.directory import Metrics, StepMeans, software
from windrow.pipelines.run.metric_lines import (
    PlaceValidationLine,
    Progress,
    no_progress,
    training_line,
)
from windrow.pipelines.world_cache import (
    FIRST_SCENARIO_WORLD,
    FIRST_VALIDATION_WORLD,
    read_worlds,
)
from windrow.pipelines.world_families import Family, Places, split_places
from windrow.pipelines.world_settings import WorldPretrainingSettings
from windrow.tasks.episodes import (
    NOT_SCORED,
    Episode,
    collate,
    draw_episode,
    draw_num_labelled,
    episode_losses,
)
from windrow.training.checkpoint import check_identity, load_checkpoint, save_checkpoint
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train
from windrow.training.optimization import build_optimizer, learning_rate
from windrow.version import __version__

_TRAINING, _VALIDATION = 1, 2
"""Streams of random draws."""


@dataclass(frozen=True, eq=False)
class _Run:
    """The settings, the network and the places that a step needs."""

    settings: WorldPretrainingSettings
    network: PlaceNetwork
    places: Places

    def losses(self, step: int) -> dict[str, Tensor]:
        """Computes the losses of a training step."""
        settings = self.settings
        generator = np.random.default_rng([settings.seed, _TRAINING, step])
        k = draw_num_labelled(settings.task, generator)
        numbers = generator.integers(len(self.places.training), size=settings.batch_size)
        episodes = [
            draw_episode(self.places.training[number], settings.task, generator, num_labelled=k)
            for number in numbers
        ]
        batch, target = collate(episodes)
        return episode_losses(self.network(batch), batch, target, settings.task)

    def accuracies(self) -> dict[str, dict[str, float]]:
        """Computes accuracy by family and labelled fields per class, on fixed episodes.

        Held-out crops have no prior, so they are not tested without labels.
        """
        self.network.eval()
        found: dict[str, dict[str, float]] = {}
        for family, places in self.places.families.items():
            labels = [k for k in self.settings.validation_labels if k or family != "crops"]
            if places and labels:
                found[family] = {str(k): self._accuracy(places, k) for k in labels}
        return found

    @torch.no_grad()
    def _accuracy(self, places: list[PlaceFields], k: int) -> float:
        """Computes the share of correctly classified fields, averaged over places."""
        shares: list[float] = []
        size = self.settings.batch_size
        for start in range(0, len(places), size):
            batch, target = collate(
                [
                    self._validation_episode(place, k, start + number)
                    for number, place in enumerate(places[start : start + size])
                ]
            )
            asked = target != NOT_SCORED
            right = (self.network(batch).logits.argmax(-1) == target) & asked
            shares += (right.sum(1) / asked.sum(1)).tolist()
        return float(np.mean(shares))

    def _validation_episode(self, place: PlaceFields, k: int, number: int) -> Episode:
        generator = np.random.default_rng([self.settings.seed, _VALIDATION, k, number])
        episode = draw_episode(place, self.settings.task, generator, num_labelled=k)
        held = [place.crop_names.index(name) for name in self.settings.held_out_crops]
        unknown = (episode.crops[:, held] > 0).any(axis=1)
        return replace(episode, known=episode.known & ~unknown)


class PlaceFigures(TypedDict):
    """The content of ``evaluation.json``.

    Attributes:
        kind: always ``episodes``.
        simulated: always True.
        num_training_places: number of places to train on.
        num_places: number of validation places by family.
        chosen_step: number of the step whose weights are kept.
        accuracy: accuracy of these weights by family, and in it by labelled fields per class.
        accuracy_at_the_end: the same after the last step.
    """

    kind: Literal["episodes"]
    simulated: Literal[True]
    num_training_places: int
    num_places: dict[Family, int]
    chosen_step: int
    accuracy: dict[str, dict[str, float]]
    accuracy_at_the_end: dict[str, dict[str, float]]


def pretrain_on_worlds(
    settings: WorldPretrainingSettings,
    run_path: str | Path,
    *,
    worlds_path: str | Path | None = None,
    resume: bool = False,
    num_workers: int = 1,
    execution: ExecutionSettings | None = None,
    on_worlds: Callable[[int, int], None] | None = None,
    on_progress: Progress | None = None,
) -> PlaceFigures:
    """Pre-trains a place network and writes its run directory.

    Args:
        settings: from a recipe of :mod:`windrow.experiments.recipes.worlds`.
        run_path: the run directory; must not exist, unless ``resume``.
        worlds_path: folder that keeps the simulated places for later runs; None uses a folder in
            the run directory.
        resume: continue from the run directory's checkpoint.
        num_workers: number of processes that simulate, one thread each.
        execution: device; the CPU where None. The network computes in float32.
        on_worlds: called with the number of simulated places and their total.
        on_progress: called with every line of ``metrics.jsonl`` when it is written.

    Returns:
        the content of ``evaluation.json``.

    Raises:
        SettingsError: a setting does not fit, or the run or the worlds on disk have other
            settings.
        DataError: no place is left to train on.
        OutputError: the run directory exists already or cannot be written.
    """
    path = Path(run_path)
    execution = (execution or ExecutionSettings()).resolved()
    if execution.device != "cpu":
        raise SettingsError(
            "episodes are trained on the processor", where="setting device", found=execution.device
        )
    if resume:
        _check_resumable(path, settings)
    else:
        refuse_existing(path)
        write_text(path / "config.yaml", settings.to_yaml())
        write_json(path / "environment.json", software(execution))
    places = _read_places(settings, worlds_path or path / "worlds", num_workers, on_worlds)
    network = build_place_network(
        settings.network, num_crops=len(places.training[0].crop_names), seed=settings.seed
    )
    moments = _moments(places.training)
    network.set_band_moments(torch.from_numpy(moments.mean), torch.from_numpy(moments.std))
    run = _Run(settings, network, places)
    _train(run, path, on_progress or no_progress)
    return _evaluation(run, path)


def _read_places(
    settings: WorldPretrainingSettings,
    folder: str | Path,
    num_workers: int,
    on_worlds: Callable[[int, int], None] | None,
) -> Places:
    groups = (
        range(settings.num_worlds),
        range(settings.num_scenario_worlds),
        range(settings.num_validation_worlds),
        range(settings.num_validation_scenario_worlds),
    )
    firsts = (
        0,
        FIRST_SCENARIO_WORLD,
        FIRST_VALIDATION_WORLD,
        FIRST_SCENARIO_WORLD + FIRST_VALIDATION_WORLD,
    )
    numbers = [first + k for first, group in zip(firsts, groups, strict=True) for k in group]
    worlds = iter(
        read_worlds(folder, settings.cache, numbers, num_workers=num_workers, on_progress=on_worlds)
    )
    earth, farmland, other_earth, other_farmland = (
        list(islice(worlds, len(group))) for group in groups
    )
    return split_places(earth + farmland, other_earth, settings, farmland=other_farmland)


def _moments(places: list[PlaceFields]) -> Normalization:
    """Computes mean and standard deviation of the bands over clear dates of every tenth field."""
    values = np.concatenate([place.reflectance[::10][place.clear[::10]] for place in places])
    return Normalization.fit(values[None], np.ones((1, len(values)), dtype=np.bool_))


def _train(run: _Run, path: Path, tell: Progress) -> None:
    settings, network = run.settings, run.network
    checkpoint = path / "checkpoint.safetensors"
    identity = {"settings": settings.to_dict()}
    optimizer = build_optimizer(network, settings.optimization)
    start = 0
    if checkpoint.is_file():
        start = load_checkpoint(checkpoint, module=network, optimizer=optimizer, identity=identity)
    metrics = Metrics(path / "metrics.jsonl", before_step=start, tell=tell)
    window = StepMeans(settings.batch_size)
    best = max((line["mean"] for line in _validations(path)), default=0.0)

    def on_step(step: int, record: Mapping[str, Tensor | float]) -> None:
        nonlocal best
        window.add(record)
        done = step + 1
        last = done == settings.num_steps
        if done % settings.log_every == 0 or last:
            means = window.means()
            check_finite(means["loss"], step)
            metrics.append(training_line(step, settings.num_steps, means))
        if done % settings.validate_every == 0 or last:
            found = run.accuracies()
            mean = float(np.mean([v for by_k in found.values() for v in by_k.values()]))
            if mean > best:
                best = mean
                write_place_weights(
                    path / "weights.safetensors", network, header=_header(run, done)
                )
            metrics.append({"kind": "validation", "step": step, "mean": mean, "accuracy": found})
            window.restart()
        if done % settings.checkpoint_every == 0 or last:
            save_checkpoint(
                checkpoint, module=network, optimizer=optimizer, step=done, identity=identity
            )

    train(
        network,
        optimizer=optimizer,
        compute_loss=run.losses,
        steps=range(start, settings.num_steps),
        learning_rate=learning_rate(settings.optimization, num_steps=settings.num_steps),
        gradient_clip=settings.optimization.gradient_clip,
        on_step=on_step,
    )


def _header(run: _Run, num_steps: int) -> PlaceWeightsHeader:
    settings = run.settings
    return PlaceWeightsHeader(
        network=settings.network,
        crop_names=run.places.training[0].crop_names,
        untrained_crops=settings.held_out_crops,
        clear_below=settings.clear_below,
        simulated=True,
        smoke_test=settings.smoke_test,
        training_hash=settings.content_hash(),
        provenance={
            "windrow": __version__,
            "recipe": settings.recipe,
            "seed": settings.seed,
            "num_steps": num_steps,
            "num_places": len(run.places.training),
        },
    )


def _validations(path: Path) -> list[PlaceValidationLine]:
    lines = (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [line for line in found if line["kind"] == "validation"]


def _evaluation(run: _Run, path: Path) -> PlaceFigures:
    validations = _validations(path)
    chosen = max(validations, key=lambda line: line["mean"])
    figures: PlaceFigures = {
        "kind": "episodes",
        "simulated": True,
        "num_training_places": len(run.places.training),
        "num_places": {name: len(places) for name, places in run.places.families.items()},
        "chosen_step": chosen["step"],
        "accuracy": chosen["accuracy"],
        "accuracy_at_the_end": validations[-1]["accuracy"],
    }
    write_json(path / "evaluation.json", figures)
    return figures


def _check_resumable(path: Path, settings: WorldPretrainingSettings) -> None:
    config = path / "config.yaml"
    if not config.is_file():
        raise SettingsError(
            "no run to resume", where=path, hint="start it without --resume, or name another"
        )
    found = WorldPretrainingSettings.from_yaml(config).to_dict()
    check_identity({"setting": found}, {"setting": settings.to_dict()}, where=config)
