"""The simulated side of the comparison: a set from many landscapes, and matched places.

A *place* is one landscape of the scenario with as many fields of each class as the real set. Its
fields share one year and one weather, as the real fields do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, SettingsError
from windrow.experiments.simulation_check.likeness.clouds import cloud_shape
from windrow.experiments.simulation_check.likeness.field_means import field_means
from windrow.experiments.simulation_check.settings import LEAST_LANDSCAPES, RealismSettings
from windrow.simulation import ScenarioSettings, simulate_parts, simulate_pixels
from windrow.simulation.fields.landscape import COARSE_M, make_landscape, sampled_pixels
from windrow.simulation.generate import FIELDS_A_LANDSCAPE

FIRST_PLACE = 100_000
"""Number of the landscape of the first place; the set uses lower numbers."""

_STEP_M = 30


@dataclass(frozen=True, eq=False)
class SimulatedFields:
    """Simulated field means of the shared classes.

    Attributes:
        fields: field means, labelled in the shared legend.
        num_landscapes: number of landscapes.
        pixels_a_field: mean number of averaged pixels per field.
        num_series: simulated series (pixels).
        num_other_fields: fields of other classes, which are left out.
        cloud_shape: cloud shape of the pixels, by distance.
    """

    fields: Series
    num_landscapes: int
    pixels_a_field: float
    num_series: int
    num_other_fields: int
    cloud_shape: pd.DataFrame | None


def simulate_fields(
    scenario: ScenarioSettings,
    settings: RealismSettings,
    *,
    legend: Legend,
    num_workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> SimulatedFields:
    """Simulates the set: field means from landscapes 0, 1, 2, ... of the scenario.

    Args:
        scenario: the scenario.
        settings: settings of the comparison.
        legend: the shared classes; fields of other classes are left out.
        num_workers: number of processes.
        on_progress: called with the number of series done and their total.

    Raises:
        SettingsError: the series come from fewer than 20 landscapes.
        DataError: a shared class has no field.
    """
    parts = []
    for part in simulate_parts(
        scenario.model_copy(update={"unit": "pixel"}),  # the check averages pixels itself
        num_series=settings.num_series,
        seed=settings.seed,
        num_workers=num_workers,
        on_progress=on_progress,
    ):
        parts.append(_light(part))
    series = concatenate(parts)
    num_landscapes = len(np.unique(series.field_id // FIELDS_A_LANDSCAPE))
    if num_landscapes < LEAST_LANDSCAPES:
        needed = -(-settings.num_series * LEAST_LANDSCAPES // num_landscapes)
        raise SettingsError(
            "simulated fields come from too few landscapes to stand for the scenario",
            found=f"{num_landscapes} landscapes in {len(series)} series",
            expected=f"at least {LEAST_LANDSCAPES}",
            hint=f"simulate about {needed} series (--num-series)",
        )
    fields = field_means(series, cloudy_from=settings.cloudy_from)
    shared = in_legend(fields, legend)
    assert shared.label is not None
    counts = np.bincount(shared.label, minlength=len(legend))
    if counts.min() < settings.telling_apart.num_folds:
        raise DataError(
            f"too few simulated fields of {legend.names[int(counts.argmin())]}",
            where=f"scenario {scenario.name}",
            found=f"{int(counts.min())} of {len(shared)} fields",
            hint="simulate more series (--num-series)",
        )
    return SimulatedFields(
        fields=shared,
        num_landscapes=num_landscapes,
        pixels_a_field=len(series) / len(fields),
        num_series=len(series),
        num_other_fields=len(fields) - len(shared),
        cloud_shape=cloud_shape(
            series,
            series.field_id // FIELDS_A_LANDSCAPE,
            cloudy_from=settings.cloudy_from,
            seed=settings.seed,
        ),
    )


def in_legend(fields: Series, legend: Legend) -> Series:
    """Returns the fields whose class is in the legend, labelled in that legend."""
    assert fields.label is not None
    assert fields.legend is not None
    own = np.append(np.asarray(fields.legend.names), "")[fields.label]
    label = legend.encode(own.tolist())
    kept = label != UNLABELLED
    return replace(fields, label=label, legend=legend).select(np.flatnonzero(kept))


def simulate_place(
    scenario: ScenarioSettings,
    settings: RealismSettings,
    *,
    number: int,
    legend: Legend,
    counts: npt.NDArray[np.int64],
) -> Series:
    """Simulates one place: ``counts`` (C,) fields of the classes of ``legend`` in one landscape.

    The landscape grows until it has enough fields. Fields are taken in the order of their numbers,
    which do not depend on their values.

    Raises:
        DataError: the largest landscape has too few fields of a class.
    """
    simulated = scenario.legend
    wanted = {simulated.names.index(n): int(c) for n, c in zip(legend.names, counts, strict=True)}
    side = _STEP_M * int(np.ceil(scenario.field_m * np.sqrt(counts.sum()) / _STEP_M))
    while True:
        side = min(max(side, scenario.landscape_m), settings.largest_landscape_m)
        enlarged = scenario.model_copy(update={"landscape_m": side})
        ground = make_landscape(enlarged, settings.seed, FIRST_PLACE + number)
        have = np.bincount(ground.label, minlength=len(simulated))
        if all(have[label] >= count for label, count in wanted.items()):
            rows, columns = sampled_pixels(ground)
            field = ground.field_at((columns + 0.5) * COARSE_M, (rows + 0.5) * COARSE_M)
            seen = np.unique(field)  # a narrow field may contain no pixel centre
            chosen = [seen[ground.label[seen] == label][:count] for label, count in wanted.items()]
            if [len(fields) for fields in chosen] == list(wanted.values()):
                break
        if side == settings.largest_landscape_m:
            raise DataError(
                "a simulated place has too few fields of a class",
                where=f"scenario {scenario.name}",
                found=", ".join(f"{simulated.names[i]} {have[i]}" for i in wanted),
                expected=", ".join(f"{simulated.names[i]} {n}" for i, n in wanted.items()),
                hint="choose a scenario in which the class is more frequent",
            )
        side = _STEP_M * int(np.ceil(1.2 * side / _STEP_M))
    use = np.isin(field, np.concatenate(chosen))
    series = simulate_pixels(
        enlarged,
        seed=settings.seed,
        landscape=FIRST_PLACE + number,
        rows=rows[use],
        columns=columns[use],
    )
    return in_legend(field_means(_light(series), cloudy_from=settings.cloudy_from), legend)


def _light(series: Series) -> Series:
    return replace(series, planetscope=None, planetscope_day=None, truth={})


def class_counts(fields: Series) -> npt.NDArray[np.int64]:
    """Counts the fields of each class of the legend, (C,)."""
    assert fields.label is not None
    assert fields.legend is not None
    return np.bincount(fields.label, minlength=len(fields.legend)).astype(np.int64)


def first_of_each_class(fields: Series, counts: npt.NDArray[np.int64]) -> Series:
    """Returns the first ``counts`` (C,) fields of each class."""
    assert fields.label is not None
    chosen = [np.flatnonzero(fields.label == c)[:n] for c, n in enumerate(counts.tolist())]
    return fields.select(np.sort(np.concatenate(chosen)))


def matched(fields: Series, counts: npt.NDArray[np.int64], seed: int) -> Series:
    """Draws as many fields as possible in the proportions of ``counts`` (C,)."""
    assert fields.label is not None
    have = class_counts(fields)
    asked = counts > 0
    times = float((have[asked] / counts[asked]).min())
    generator = np.random.default_rng(seed)
    chosen = [
        generator.permutation(np.flatnonzero(fields.label == c))[: round(times * int(n))]
        for c, n in enumerate(counts.tolist())
    ]
    return fields.select(np.sort(np.concatenate(chosen)))
