"""Measures the effect of each fault of earlier code by itself, on simulated series.

One fault is switched on at a time and everything else stays corrected. Both sides use the same
series, seeds and configurations. Faults of pre-training are measured with a transformer head on
the frozen representation, faults of heads with heads trained from scratch on the bands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from windrow.classifiers.sequence import SequenceTraining, train_sequence_head
from windrow.config import Settings
from windrow.data.series import Series
from windrow.data.splits import draw_pixels, split_fields
from windrow.data.store.store import Store
from windrow.evaluation.metrics import mean_of_batch_accuracies
from windrow.experiments.fault_effect import Effect, FaultEffects
from windrow.experiments.methods import METHODS, Representation
from windrow.experiments.recipes.head_search import head_configurations
from windrow.experiments.recipes.heads import BaseModel
from windrow.experiments.recipes.known_faults import CORRECTED, Corrections, one_fault
from windrow.experiments.recipes.methods import StudyScale
from windrow.files import refuse_existing, write_json
from windrow.models.heads.inputs import HeadInputs
from windrow.simulation.generate import simulate_store

Told = Callable[[int, int], None]


class EffectSettings(Settings):
    """Settings of the measurement: the faults and the numbers of series and runs."""

    scale: StudyScale = Field(description="scale of methods and heads")
    scenario: str = Field(description="simulated region and year")
    num_pretraining_series: int = Field(ge=1)
    num_labelled_series: int = Field(ge=1, description="series of other landscapes, for the heads")
    num_train_per_class: int = Field(ge=1)
    num_test_per_class: int = Field(ge=1)
    num_few_fields: int = Field(ge=1, description="fields per class, for the drawing fault")
    num_configurations: int = Field(ge=1)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="batch of heads and of batch accuracies")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    switches: tuple[str, ...] = Field(description="faults to measure")

    @model_validator(mode="after")
    def _known(self) -> EffectSettings:
        unknown = [name for name in self.switches if name not in Corrections.model_fields]
        if unknown:
            raise ValueError(
                f"no such fault: {unknown[0]}; there are {', '.join(Corrections.model_fields)}"
            )
        return self


def effect_settings(
    scale: StudyScale, seeds: tuple[int, ...], switches: tuple[str, ...] = ()
) -> EffectSettings:
    """Returns the settings of the effects in ``docs/corrections.md``; minutes per seed at ``tiny``.

    Args:
        scale: scale of methods and heads.
        seeds: seeds of landscapes, weights and draws.
        switches: faults to measure; all where none is named.

    Raises:
        SettingsError: there is no such fault.
    """
    tiny = scale == "tiny"
    values = {
        "scale": scale,
        "scenario": "brandenburg-2018",
        "num_pretraining_series": 400 if tiny else 3_000,
        "num_labelled_series": 2_000 if tiny else 12_000,
        "num_train_per_class": 30 if tiny else 300,
        "num_test_per_class": 33 if tiny else 150,
        "num_few_fields": 3,
        "num_configurations": 1 if tiny else 3,
        "epochs": 20,
        "batch_size": 32 if tiny else 64,
        "seeds": seeds,
        "switches": switches or tuple(Corrections.model_fields),
    }
    return EffectSettings.from_dict(values)


@dataclass(frozen=True, eq=False)
class _Task:
    """Labelled series of one seed, split by field."""

    series: Series
    pool: npt.NDArray[np.intp]
    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]

    @property
    def label(self) -> npt.NDArray[np.int16]:
        assert self.series.label is not None
        return self.series.label


def measure_effects(
    folder: str | Path, settings: EffectSettings, on_progress: Told | None = None
) -> FaultEffects:
    """Measures every fault by itself and writes ``corrections.json``.

    Args:
        folder: the folder to write, which must not exist; it also holds the stores and runs.
        settings: settings of the measurement.
        on_progress: called with the number of measured effects and their total.

    Returns:
        the content of the file.

    Raises:
        OutputError: the folder exists already or cannot be written.
    """
    path = Path(folder)
    refuse_existing(path)
    tell = on_progress or (lambda done, total: None)
    found: dict[str, list[Effect]] = {}
    result = _result(settings, found)
    measures = {name: MEASURES[name] for name in settings.switches}
    total = len(settings.seeds) * len(measures)
    for number, seed in enumerate(settings.seeds):
        stage = _Stage(path / f"seed{seed}", settings, seed)
        for done, (name, measure) in enumerate(measures.items(), 1):
            found.setdefault(name, []).extend(measure(stage))
            tell(number * len(measures) + done, total)
        # Written after every seed, so that an interruption loses no finished seed.
        result = _result(settings.model_copy(update={"seeds": settings.seeds[: number + 1]}), found)
        write_json(path / "corrections.json", result)
    return result


def _result(settings: EffectSettings, found: dict[str, list[Effect]]) -> FaultEffects:
    effects = [effect for parts in found.values() for effect in _joined(parts)]
    return {
        "simulated": True,
        "settings": settings.to_dict(),
        "effects": [effect.to_dict() for effect in effects],
    }


def _joined(parts: list[Effect]) -> Iterator[Effect]:
    """Joins the seeds of each measured quantity."""
    for key in dict.fromkeys((part.switch, part.measured) for part in parts):
        alike = [part for part in parts if (part.switch, part.measured) == key]
        yield Effect(
            *key,
            tuple(value for part in alike for value in part.corrected),
            tuple(value for part in alike for value in part.faulty),
        )


class _Stage:
    """The series and runs of one seed."""

    def __init__(self, folder: Path, settings: EffectSettings, seed: int) -> None:
        self.settings = settings
        self.seed = seed
        self._folder = folder
        self._predicted: dict[str, list[npt.NDArray[np.intp]]] = {}
        for name, num_series, other in (
            ("pretraining", settings.num_pretraining_series, 2 * seed),
            ("labelled", settings.num_labelled_series, 2 * seed + 1),
        ):
            simulate_store(
                folder / name, scenario=settings.scenario, num_series=num_series, seed=other
            )
        series = Store(folder / "labelled").series(planetscope=False)
        assert series.label is not None
        pool, rest = split_fields(series.field_id, series.label, fractions=(0.7, 0.3), seed=seed)
        self.task = _Task(
            series,
            pool,
            self.drawn(series, pool, settings.num_train_per_class),
            self.drawn(series, rest, settings.num_test_per_class),
        )

    def drawn(
        self,
        series: Series,
        rows: npt.NDArray[np.intp],
        num_per_class: int,
        *,
        num_fields: int | None = None,
        replacement: bool = False,
    ) -> npt.NDArray[np.intp]:
        """Draws pixels of a part of the fields."""
        part = series.select(rows)
        assert part.label is not None
        return rows[
            draw_pixels(
                part.field_id,
                part.label,
                num_per_class=num_per_class,
                seed=self.seed,
                num_fields=num_fields,
                replacement=replacement,
            )
        ]

    def representation(self, method: str, switches: Corrections = CORRECTED) -> Representation:
        """Returns the representation of a method, pre-trained where the method needs it."""
        chosen = METHODS[method]
        settings = chosen.settings(self.settings.scale, seed=self.seed, variant=switches)
        run = self._folder / f"{method}-{settings.content_hash()[:8]}"
        if not run.exists():
            chosen.pretrain(settings, self._folder / "pretraining", run)
        return chosen.load(run)

    def predictions(
        self,
        representation: Representation,
        model: BaseModel,
        switches: Corrections = CORRECTED,
        train: npt.NDArray[np.intp] | None = None,
    ) -> list[npt.NDArray[np.intp]]:
        """Predicts the classes of the test series with each configuration."""
        rows = self.task.train if train is None else train
        trainings = [
            each.model_copy(
                update={"epochs": self.settings.epochs, "batch_size": self.settings.batch_size}
            )
            for each in head_configurations(
                model,
                self.settings.scale,
                variant=switches,
                number=self.settings.num_configurations,
            )
        ]
        key = f"{representation.content_hash} {hash(rows.tobytes())} {trainings}"
        if key not in self._predicted:
            self._predicted[key] = self._trained(representation, trainings, rows)
        return self._predicted[key]

    def _trained(
        self,
        representation: Representation,
        trainings: list[SequenceTraining],
        rows: npt.NDArray[np.intp],
    ) -> list[npt.NDArray[np.intp]]:
        settings, task = self.settings, self.task
        fitted, tested = (_inputs(representation, task.series, each) for each in (rows, task.test))
        assert task.series.legend is not None
        found = []
        for training in trainings:
            head = train_sequence_head(
                fitted,
                task.label[rows],
                task.series.field_id[rows],
                num_classes=len(task.series.legend),
                settings=training,
                seed=self.seed,
            )
            probability = head.predict_probability(tested, batch_size=settings.batch_size)
            found.append(probability.argmax(axis=1))
        return found

    def accuracies(self, predicted: list[npt.NDArray[np.intp]]) -> tuple[float, ...]:
        """Returns the overall accuracy of each prediction."""
        true = self.task.label[self.task.test]
        return tuple(float((each == true).mean()) for each in predicted)


def _inputs(
    representation: Representation, series: Series, rows: npt.NDArray[np.intp]
) -> HeadInputs:
    unique, inverse = np.unique(rows, return_inverse=True)  # drawn twice, encoded once
    chosen = series.select(unique)
    return HeadInputs(
        values=representation.sequence(chosen)[inverse],
        day_of_year=chosen.day_of_year[inverse],
        valid=chosen.valid[inverse],
    )


def _inception_blocks(stage: _Stage) -> list[Effect]:
    bands = stage.representation("scratch")
    right, wrong = (
        stage.accuracies(stage.predictions(bands, "inception", switches))
        for switches in (CORRECTED, one_fault("inception_blocks"))
    )
    return [Effect("inception_blocks", "InceptionTime from scratch", right, wrong)]


def _scarf_corruption(stage: _Stage) -> list[Effect]:
    right, wrong = (
        stage.accuracies(stage.predictions(stage.representation("scarf", switches), "transformer"))
        for switches in (CORRECTED, one_fault("scarf_corruption"))
    )
    return [Effect("scarf_corruption", "transformer on SCARF", right, wrong)]


def _normalization(stage: _Stage) -> list[Effect]:
    effects = []
    for method in ("bert", "resmlp", "scratch"):
        right, wrong = (
            stage.accuracies(
                stage.predictions(stage.representation(method, switches), "transformer")
            )
            for switches in (CORRECTED, one_fault("normalization"))
        )
        title = f"transformer on {METHODS[method].title}"
        effects.append(Effect("normalization", title, right, wrong))
    return effects


def _plateau(stage: _Stage) -> list[Effect]:
    bands = stage.representation("scratch")
    right, wrong = (
        stage.accuracies(stage.predictions(bands, "transformer", switches))
        for switches in (CORRECTED, one_fault("plateau"))
    )
    return [Effect("plateau", "transformer from scratch", right, wrong)]


def _pixel_draw(stage: _Stage) -> list[Effect]:
    bands, task, settings = stage.representation("scratch"), stage.task, stage.settings
    few = stage.drawn(
        task.series,
        task.pool,
        settings.num_train_per_class,
        num_fields=settings.num_few_fields,
        replacement=True,
    )
    right = stage.accuracies(stage.predictions(bands, "transformer"))
    wrong = stage.accuracies(stage.predictions(bands, "transformer", train=few))
    return [Effect("pixel_draw", "transformer from scratch", right, wrong)]


def _accuracy(stage: _Stage) -> list[Effect]:
    predicted = stage.predictions(stage.representation("scratch"), "transformer")
    true = stage.task.label[stage.task.test]
    wrong = tuple(
        mean_of_batch_accuracies(true, each, batch_size=stage.settings.batch_size)
        for each in predicted
    )
    return [Effect("accuracy", "the same predictions", stage.accuracies(predicted), wrong)]


MEASURES: dict[str, Callable[[_Stage], list[Effect]]] = {
    "inception_blocks": _inception_blocks,
    "scarf_corruption": _scarf_corruption,
    "normalization": _normalization,
    "plateau": _plateau,
    "pixel_draw": _pixel_draw,
    "accuracy": _accuracy,
}
"""The function that measures the effect of each known fault, by the name of its switch."""
