"""The three numbers of the comparison, as jobs that can run in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import FewshotResult
from windrow.evaluation.fewshot.settings import FewshotSettings, MethodHead
from windrow.experiments.simulation_check.likeness.few_label_accuracy import (
    FewLabelScore,
    few_label_scores,
)
from windrow.experiments.simulation_check.likeness.simulated_to_real import (
    ZeroLabelClassifier,
    ZeroLabelScores,
)
from windrow.experiments.simulation_check.likeness.two_sample_forest import (
    tell_apart_observations,
    tell_apart_years,
)
from windrow.experiments.simulation_check.real_fields import RealFields
from windrow.experiments.simulation_check.settings import RealismSettings
from windrow.experiments.simulation_check.simulated_fields import (
    class_counts,
    first_of_each_class,
    matched,
    simulate_place,
)
from windrow.processes import begin_in_pool
from windrow.simulation import ScenarioSettings
from windrow.sources.labels.label_table import SeriesLabels


@dataclass(frozen=True, eq=False)
class Apart:
    """Separability of one set from the simulated one.

    Attributes:
        num_fields: fields of the set.
        num_simulated: simulated fields in the same proportions of classes.
        years: area under the curve by monthly medians; see
            :class:`windrow.experiments.simulation_check.likeness.two_sample_forest.Separation`.
        importance: (12, B) importance by month and band in the forest on years.
        observations: (12,) area under the curve for single observations by month.
        observations_importance: (12, B) importance in the forests on single observations.
    """

    num_fields: int
    num_simulated: int
    years: float
    importance: npt.NDArray[np.float64]
    observations: npt.NDArray[np.float64]
    observations_importance: npt.NDArray[np.float64]

    @property
    def observations_mean(self) -> float:
        """Mean over the months in which both sets have enough clear observations."""
        known = self.observations[np.isfinite(self.observations)]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True, eq=False)
class Numbers:
    """All three numbers.

    Attributes:
        zero_label: zero-label scores by part (look, report).
        apart: separability by part.
        floor: separability of each left-out simulated place.
        real_difficulty: few-label scores of real fields by part.
        simulated_difficulty: few-label scores by part, in simulated places with the part's
            numbers of fields.
    """

    zero_label: dict[str, ZeroLabelScores]
    apart: dict[str, Apart]
    floor: list[Apart]
    real_difficulty: dict[str, list[FewLabelScore]]
    simulated_difficulty: dict[str, list[FewLabelScore]]


@dataclass(frozen=True, eq=False)
class _Job:
    kind: str
    part: str
    number: int
    real: RealFields
    simulated: Series
    scenario: ScenarioSettings
    settings: RealismSettings


def measure(
    real: RealFields,
    simulated: Series,
    scenario: ScenarioSettings,
    settings: RealismSettings,
    *,
    num_workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Numbers:
    """Measures all three numbers.

    Args:
        real: real fields.
        simulated: simulated fields in the same legend.
        scenario: scenario of the simulated places.
        settings: settings of the comparison.
        num_workers: number of processes; the result does not depend on it.
        on_progress: called with the number of jobs done and their total.
    """
    parts = ["look"] + (["report"] if real.reported.any() else [])
    jobs = [
        _Job(kind, part, number, real, simulated, scenario, settings)
        for kind, part, number in (
            *(("place", "", number) for number in range(settings.num_places)),
            *(("apart", part, 0) for part in parts),
            *(("few labels", part, 0) for part in parts),
            ("zero label", "", 0),
        )
    ]
    places: list[_Place] = []
    apart: dict[str, Apart] = {}
    real_difficulty: dict[str, list[FewLabelScore]] = {}
    zero_label: dict[str, ZeroLabelScores] = {}
    for done, (job, result) in enumerate(zip(jobs, _run(jobs, num_workers), strict=True), 1):
        if isinstance(result, _Place):
            places.append(result)
        elif isinstance(result, Apart):
            apart[job.part] = result
        elif isinstance(result, list):
            real_difficulty[job.part] = result
        else:
            zero_label = result
        if on_progress is not None:
            on_progress(done, len(jobs))
    return Numbers(
        zero_label=zero_label,
        apart=apart,
        floor=[place.apart for place in places],
        real_difficulty=real_difficulty,
        simulated_difficulty={
            part: _scores([place.few_labels[part] for place in places], settings) for part in parts
        },
    )


@dataclass(frozen=True, eq=False)
class _Place:
    """The separability of a left-out place, and few-label results for the fields of each part."""

    apart: Apart
    few_labels: dict[str, FewshotResult]


_Result = _Place | Apart | list[FewLabelScore] | dict[str, ZeroLabelScores]


def _run(jobs: Sequence[_Job], num_workers: int) -> Iterator[_Result]:
    if num_workers == 1:
        yield from map(_work, jobs)
        return
    with ProcessPoolExecutor(
        num_workers, mp_context=get_context("spawn"), initializer=begin_in_pool
    ) as pool:
        yield from pool.map(_work, jobs)


def _work(job: _Job) -> _Result:
    real, settings = job.real, job.settings
    if job.kind == "zero label":
        return _zero_label(job)
    if job.kind == "apart":
        return _apart(job.simulated, real.part(_chosen(real, job.part)), settings)
    if job.kind == "few labels":
        if job.part == "report":
            return _scores([_reported_few_labels(real, settings)], settings)
        splits = settings.num_splits
        few = [
            _few_labels(real.part(real.look), settings, split, splits) for split in range(splits)
        ]
        return _scores(few, settings)
    return _place(job)


def _chosen(real: RealFields, part: str) -> npt.NDArray[np.bool_]:
    return real.look if part == "look" else real.reported


def _zero_label(job: _Job) -> dict[str, ZeroLabelScores]:
    real, settings = job.real, job.settings
    classifier = ZeroLabelClassifier(
        job.simulated,
        features=settings.zero_label_features,
        head=settings.zero_label_head,
        seed=settings.seed,
    )
    parts = ["look"] + (["report"] if real.reported.any() else [])
    return {
        part: classifier.score(real.part(_chosen(real, part)), merged=settings.merged)
        for part in parts
    }


def _apart(simulated: Series, other: Series, settings: RealismSettings) -> Apart:
    """Measures the separability of ``other`` from simulated fields in equal class proportions."""
    alike = matched(simulated.with_bands(other.bands), class_counts(other), settings.seed)
    years = tell_apart_years(
        alike,
        other,
        clear_below=settings.clear_below,
        settings=settings.telling_apart,
        seed=settings.seed,
    )
    observations, importance = tell_apart_observations(
        alike,
        other,
        clear_below=settings.clear_below,
        settings=settings.telling_apart,
        seed=settings.seed,
    )
    return Apart(
        num_fields=len(other),
        num_simulated=len(alike),
        years=years.auc,
        importance=years.importance,
        observations=observations,
        observations_importance=importance,
    )


def _place(job: _Job) -> _Place:
    """Measures the floor in one left-out place, and the difficulty for the fields of each part."""
    real, settings = job.real, job.settings
    whole = class_counts(real.part(real.look | real.reported))
    look = class_counts(real.part(real.look))
    fields = simulate_place(
        job.scenario, settings, number=job.number, legend=real.legend, counts=whole
    ).with_bands(real.fields.bands)
    small = first_of_each_class(fields, look)
    few = {"look": _few_labels(small, settings, job.number, settings.num_places)}
    if real.reported.any():
        few["report"] = _few_labels(fields, settings, job.number, settings.num_places)
    return _Place(_apart(job.simulated, small, settings), few)


def _few_labels(
    fields: Series, settings: RealismSettings, split: int, num_splits: int
) -> FewshotResult:
    """Runs one split in random halves; the draws are distributed over the splits."""
    protocol = _protocol(settings, seed=settings.seed + split)
    draws = -(-settings.num_draws // num_splits)
    return fewshot(fields, None, None, protocol.model_copy(update={"num_draws": draws}))


def _reported_few_labels(real: RealFields, settings: RealismSettings) -> FewshotResult:
    """Trains on fields looked at and tests on all reported fields."""
    label = real.fields.label
    assert label is not None
    table = SeriesLabels(
        source=real.source,
        label=np.asarray(real.legend.names)[label],
        label_column="class",
        columns={"part": np.where(real.look, "look", np.where(real.reported, "report", ""))},
    )
    protocol = _protocol(settings, seed=settings.seed, train="part=look", test="part=report")
    return fewshot(real.fields, table, None, protocol)


def _protocol(
    settings: RealismSettings, *, seed: int, train: str | None = None, test: str | None = None
) -> FewshotSettings:
    return FewshotSettings(
        k=settings.k,
        num_draws=settings.num_draws,
        seed=seed,
        pool="month",
        features=settings.few_label_features,
        heads=(MethodHead(method="indices", head=settings.few_label_head),),
        bootstrap=settings.bootstrap,
        min_fields=1,
        exclude=(),
        train_where=train,
        test_where=test,
    )


def _scores(places: Sequence[FewshotResult], settings: RealismSettings) -> list[FewLabelScore]:
    return few_label_scores(places, bootstrap=settings.bootstrap, seed=settings.seed)
