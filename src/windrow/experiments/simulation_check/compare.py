"""Compares a simulated set with a real one and writes statistics and three numbers to a folder.

The folder is like a run directory. ``realism.json`` holds the numbers, the compared data and the
settings. ``NAME.parquet`` holds each statistic. ``report.html`` is made from these files only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from windrow.evaluation.metrics import json_numbers
from windrow.experiments.simulation_check.likeness.few_label_accuracy import FewLabelScore
from windrow.experiments.simulation_check.likeness.simulated_to_real import ZeroLabelScores
from windrow.experiments.simulation_check.measures import Apart, Numbers, measure
from windrow.experiments.simulation_check.real_fields import RealFields, read_real_fields
from windrow.experiments.simulation_check.record import (
    Difficulty,
    FewLabelAccuracy,
    RealismRecord,
    Separability,
    ZeroLabelAccuracy,
)
from windrow.experiments.simulation_check.settings import RealismSettings
from windrow.experiments.simulation_check.simulated_fields import (
    SimulatedFields,
    class_counts,
    matched,
    simulate_fields,
)
from windrow.experiments.simulation_check.tables import joined_shapes, statistics, write_tables
from windrow.files import atomic_folder, refuse_existing, write_json
from windrow.simulation import ScenarioSettings, scenario_settings
from windrow.sources.open_any import LabelledInput
from windrow.version import __version__

REALISM_NAME = "realism.json"

REPORTED_ONLY = "reported only; not independent of the fields that were looked at"
"""Remark beside every figure of the reported part, which shares place, year and weather."""

Tell = Callable[[str, int, int], None]
"""Called with the name of the current step, the amount done and the total."""


@dataclass(frozen=True, eq=False)
class Realism:
    """A finished comparison.

    Attributes:
        numbers: content of ``realism.json``.
        tables: the statistics, by name.
        reading: lines of text: what was found in the real fields and what was left out.
    """

    numbers: RealismRecord
    tables: dict[str, pd.DataFrame]
    reading: list[str]


def compare(
    source: LabelledInput,
    *,
    scenario: str | ScenarioSettings,
    settings: RealismSettings,
    num_workers: int = 1,
    on_progress: Tell | None = None,
) -> Realism:
    """Compares simulated fields of a scenario with real ones.

    Args:
        source: real observations, a field table or a store, and their label table.
        scenario: name or settings of the simulated scenario.
        settings: settings of the comparison.
        num_workers: number of processes; the result does not depend on it.
        on_progress: called with the current step, the amount done and the total.

    Returns:
        the finished comparison.

    Raises:
        DataError: the real table cannot be used; the error names it and gives a remedy.
        SettingsError: the scenario is unknown, or too few landscapes are simulated.
    """
    simulated_scenario = scenario_settings(scenario)
    real = read_real_fields(source, scenario=simulated_scenario, settings=settings)
    simulated = simulate_fields(
        simulated_scenario,
        settings,
        legend=real.legend,
        num_workers=num_workers,
        on_progress=_step(on_progress, "simulating"),
    )
    numbers = measure(
        real,
        simulated.fields,
        simulated_scenario,
        settings,
        num_workers=num_workers,
        on_progress=_step(on_progress, "measuring"),
    )
    looked_at = real.part(real.look)
    alike = matched(
        simulated.fields.with_bands(looked_at.bands), class_counts(looked_at), settings.seed
    )
    tables = statistics(alike, looked_at, settings)
    tables["cloud_shape"] = joined_shapes(
        {"simulated": simulated.cloud_shape, "real": real.cloud_shape}
    )
    return Realism(
        _record(real, simulated, numbers, simulated_scenario, settings),
        tables,
        real.reading.lines(),
    )


def _step(tell: Tell | None, name: str) -> Callable[[int, int], None] | None:
    return None if tell is None else lambda done, total: tell(name, done, total)


def write_comparison(folder: str | Path, realism: Realism) -> None:
    """Writes ``realism.json`` and the tables, completely or not at all.

    Args:
        folder: the folder to write.
        realism: the comparison.

    Raises:
        OutputError: the folder exists and is not empty, or cannot be written.
    """
    refuse_existing(folder)
    with atomic_folder(folder) as temporary:
        write_json(temporary / REALISM_NAME, realism.numbers)
        write_tables(temporary, realism.tables)


def _record(
    real: RealFields,
    simulated: SimulatedFields,
    numbers: Numbers,
    scenario: ScenarioSettings,
    settings: RealismSettings,
) -> RealismRecord:
    conditions = {"look": settings.where, "report": settings.report_where}
    parts = {"look": real.look, "report": real.reported}
    return {
        "simulated_data": True,
        "windrow": __version__,
        "scenario": scenario.name,
        "real": real.source,
        "legend": list(real.legend.names),
        "bands": list(real.fields.bands),
        "parts": [
            {
                "part": part,
                "condition": conditions[part],
                "num_fields": int(parts[part].sum()),
                "fields_by_class": class_counts(real.part(parts[part])).tolist(),
                "note": REPORTED_ONLY if part == "report" else None,
            }
            for part in numbers.apart
        ],
        "simulated": {
            "num_series": simulated.num_series,
            "num_fields": len(simulated.fields),
            "num_landscapes": simulated.num_landscapes,
            "pixels_a_field": simulated.pixels_a_field,
            "fields_by_class": class_counts(simulated.fields).tolist(),
            "num_fields_of_other_classes": simulated.num_other_fields,
        },
        "left_out": real.left_out,
        "notes": real.notes,
        "zero_label": [_zero_label(part, found) for part, found in numbers.zero_label.items()],
        "telling_apart": [{"part": part, **_separability(a)} for part, a in numbers.apart.items()],
        "floor": [_separability(a) for a in numbers.floor],
        "difficulty": [
            row
            for part, real_scores in numbers.real_difficulty.items()
            for row in _difficulty(part, real_scores, numbers.simulated_difficulty[part])
        ],
        "settings": settings.to_dict(),
        "scenario_settings": scenario.to_dict(),
    }


def _zero_label(part: str, found: ZeroLabelScores) -> ZeroLabelAccuracy:
    return {
        "part": part,
        "overall_accuracy": found.overall_accuracy,
        "macro_f1": found.macro_f1,
        "merged_accuracy": found.merged_accuracy,
        "per_class_f1": json_numbers(found.per_class_f1),
        "confusion_matrix": found.confusion.tolist(),
    }


def _separability(apart: Apart) -> Separability:
    return {
        "num_fields": apart.num_fields,
        "num_simulated": apart.num_simulated,
        "years": apart.years,
        "observations": known_or_none(apart.observations_mean),
        "observations_by_month": [known_or_none(v) for v in apart.observations],
        "importance": apart.importance.tolist(),
        "observations_importance": [
            [known_or_none(v) for v in row] for row in apart.observations_importance
        ],
    }


def known_or_none(value: float) -> float | None:
    """Converts NaN to None for JSON, which has no NaN.

    Example:
        >>> known_or_none(float("nan")), known_or_none(0.5)
        (None, 0.5)
    """
    return float(value) if math.isfinite(value) else None


def _difficulty(
    part: str, real: list[FewLabelScore], simulated: list[FewLabelScore]
) -> list[Difficulty]:
    return [
        {
            "part": part,
            "k": ours.k,
            "real": _accuracy(theirs),
            "simulated": _accuracy(ours),
            "difference": ours.overall_accuracy - theirs.overall_accuracy,
        }
        for theirs, ours in zip(real, simulated, strict=True)
    ]


def _accuracy(score: FewLabelScore) -> FewLabelAccuracy:
    return {
        "k": score.k,
        "overall_accuracy": score.overall_accuracy,
        "overall_accuracy_low": score.overall_accuracy_low,
        "overall_accuracy_high": score.overall_accuracy_high,
        "macro_f1": score.macro_f1,
        "macro_f1_low": score.macro_f1_low,
        "macro_f1_high": score.macro_f1_high,
        "draws": score.draws,
        "places": score.places,
        "places_std": score.places_std,
    }


def summary(numbers: RealismRecord) -> list[str]:
    """Returns the three numbers as lines of text.

    Args:
        numbers: content of ``realism.json``.
    """
    title = {"look": "looked at", "report": REPORTED_ONLY}
    condition = {part["part"]: part["condition"] or "all fields" for part in numbers["parts"]}

    def name(part: str) -> str:
        return f"{condition[part]} ({title[part]})"

    lines = []
    for row in numbers["zero_label"]:
        merged = row["merged_accuracy"]
        lines.append(
            f"zero labels, {name(row['part'])}: overall accuracy {row['overall_accuracy']:.3f}, "
            f"macro F1 {row['macro_f1']:.3f}" + ("" if merged is None else f", merged {merged:.3f}")
        )
    for apart in numbers["telling_apart"]:
        lines.append(
            f"telling apart, {name(apart['part'])}: AUC of years {apart['years']:.3f}, of single "
            f"clear observations {_text(apart['observations'])}"
        )
    floor = numbers["floor"]
    years = np.array([place["years"] for place in floor])
    single = np.array([v for place in floor if (v := place["observations"]) is not None])
    lines.append(
        f"floor, {len(floor)} left-out simulated places: AUC of years {years.mean():.3f} "
        f"({years.min():.3f} to {years.max():.3f}), of single observations "
        + (f"{single.mean():.3f}" if len(single) else "unknown")
    )
    for at_k in numbers["difficulty"]:
        lines.append(
            f"difficulty, {name(at_k['part'])}, k = {at_k['k']}: real "
            f"{at_k['real']['overall_accuracy']:.3f}, simulated "
            f"{at_k['simulated']['overall_accuracy']:.3f} ({100 * at_k['difference']:+.1f} points)"
        )
    return lines


def _text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
