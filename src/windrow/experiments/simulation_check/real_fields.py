"""The real side of the comparison: reads its fields and classes and checks them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.fewshot.task import LeftOutClass, say_left_out
from windrow.experiments.simulation_check.likeness.clouds import cloud_shape
from windrow.experiments.simulation_check.likeness.field_means import field_means
from windrow.experiments.simulation_check.likeness.two_sample_forest import clear_of
from windrow.experiments.simulation_check.settings import RealismSettings
from windrow.simulation import ScenarioSettings
from windrow.sources.labels.label_table import SeriesLabels
from windrow.sources.open_any import LabelledInput
from windrow.sources.reader import ReadingSummary

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RealFields:
    """Real fields of the classes that both sides share.

    Attributes:
        source: the table or store.
        fields: F field means, labelled in ``legend``.
        look: (F,) fields that may be looked at.
        reported: (F,) fields that are only reported; may be all False.
        legend: classes with enough fields, by name, in the order of the simulated legend.
        left_out: the classes left out.
        cloud_shape: cloud shape of the pixels or fields looked at; None without coordinates.
        notes: remarks for the user.
        reading: lines of text: what was read, assumed and left out.
    """

    source: str
    fields: Series
    look: Flags
    reported: Flags
    legend: Legend
    left_out: list[LeftOutClass]
    cloud_shape: pd.DataFrame | None
    notes: list[str] = field(default_factory=list)
    reading: ReadingSummary = field(default_factory=lambda: ReadingSummary("real fields"))

    def part(self, chosen: Flags) -> Series:
        """Returns the fields of one part."""
        return self.fields.select(np.flatnonzero(chosen))


def read_real_fields(
    source: LabelledInput,
    *,
    scenario: ScenarioSettings,
    settings: RealismSettings,
) -> RealFields:
    """Reads, labels and checks the real fields.

    Args:
        source: observations and their labels: a field table or a store, and a label table.
        scenario: the simulated scenario; classes are matched by name.
        settings: conditions and thresholds.

    Raises:
        DataError: a file or column is missing, there is no cloud measure, the fields do not lie in
            a calendar year, no class is shared, the parts overlap or are empty, or the fields have
            too few clear dates.
    """
    simulated = scenario.legend
    opened = source.open()
    series, names, summary, table = opened.series, opened.labels, opened.summary, source.path
    assert names is not None
    _refuse_unlike(series, scenario, table)
    notes = [
        f"{count} {name.replace('_', ' ')}"
        for name in ("series_without_a_label", "labels_without_a_series")
        if (count := summary.counts.get(name))
    ]
    assert series.legend is not None
    if without := [name for name in simulated.names if name not in series.legend.names]:
        notes.append(f"simulated classes without a real field: {', '.join(without)}")
    look, reported = _parts(names, series.field_id, settings)
    shown = series.select(np.flatnonzero(look))
    shape = cloud_shape(
        shown,
        np.zeros(len(shown), dtype=np.int64),
        cloudy_from=settings.cloudy_from,
        seed=settings.seed,
    )
    fields = field_means(series, cloudy_from=settings.cloudy_from)
    _refuse_too_few_clear_dates(fields, table, settings)
    in_look = np.isin(fields.field_id, series.field_id[look])
    in_reported = np.isin(fields.field_id, series.field_id[reported])
    label, legend, left_out = _shared_classes(fields, simulated, names.source, settings.min_fields)
    say_left_out(left_out, summary)
    kept = label != UNLABELLED
    fields = replace(fields, label=label, legend=legend).select(np.flatnonzero(kept))
    for part, chosen in (("looked at", in_look[kept]), ("reported", in_reported[kept])):
        if part == "looked at" or settings.report_where is not None:
            _refuse_empty_class(fields, chosen, part, names.source)
    return RealFields(
        source=str(table),
        fields=fields,
        look=in_look[kept],
        reported=in_reported[kept],
        legend=legend,
        left_out=left_out,
        cloud_shape=shape,
        notes=notes,
        reading=summary,
    )


def _refuse_unlike(series: Series, scenario: ScenarioSettings, table: Path) -> None:
    """Refuses fields without clouds, of another processing level, or of a season."""
    if series.cloud_probability is None:
        raise DataError(
            "the table has no cloud measure, without which clear and cloudy are not known",
            where=table,
            hint="add a column cloud_fraction (0..1) or clp (0..255)",
        )
    if series.processing_level != scenario.product:
        raise DataError(
            "real and simulated observations are of different processing levels",
            where=table,
            found=series.processing_level,
            expected=f"{scenario.product}, which scenario {scenario.name} simulates",
            hint="choose a scenario of that level with --scenario",
        )
    if series.season_start != CALENDAR_YEAR:
        raise DataError(
            "the real fields lie in twelve months over New Year, the simulated ones in a year",
            where=table,
            found=f"a season from {series.season_start}",
            expected="fields of a calendar year",
            hint="choose a calendar year with --year, or read a store of one",
        )


def _parts(
    names: SeriesLabels,
    field_id: npt.NDArray[Any],
    settings: RealismSettings,
) -> tuple[Flags, Flags]:
    everything, nothing = (
        np.ones(len(field_id), dtype=np.bool_),
        np.zeros(len(field_id), dtype=np.bool_),
    )
    look = everything if settings.where is None else names.where(settings.where)
    if settings.report_where is None:
        return look, nothing
    reported = names.where(settings.report_where)
    shared = np.intersect1d(field_id[look], field_id[reported])
    if len(shared):
        raise DataError(
            "a field is looked at and only reported at once",
            where=names.source,
            found=f"{len(shared)} fields of both {settings.where or 'all fields'} and "
            f"{settings.report_where}",
            hint="give --where and --report-where that share no field",
        )
    return look, reported


def _refuse_too_few_clear_dates(
    fields: Series, table: str | Path, settings: RealismSettings
) -> None:
    clear = clear_of(fields, settings.clear_below)
    days = np.where(clear, fields.day_of_year, -1)
    num_dates = np.array([len(np.unique(row[row >= 0])) for row in days])
    middle = float(np.median(num_dates))
    if middle < settings.least_clear_dates:
        raise DataError(
            "the real fields have too few clear dates to be compared",
            where=table,
            found=f"{middle:g} in the middle field ({int(num_dates.min())} to "
            f"{int(num_dates.max())})",
            expected=f"at least {settings.least_clear_dates} in half of the fields",
            hint="give a table of a whole year, with cloudy dates left in and a cloud column in "
            "which clear is 0",
        )


def _shared_classes(
    fields: Series, simulated: Legend, source: str, min_fields: int
) -> tuple[npt.NDArray[np.int16], Legend, list[LeftOutClass]]:
    assert fields.label is not None
    assert fields.legend is not None
    left_out: list[LeftOutClass] = []
    kept: list[str] = []
    counts = np.bincount(fields.label[fields.label >= 0], minlength=len(fields.legend))
    for name, count in zip(fields.legend.names, counts.tolist(), strict=True):
        reason = None
        if name not in simulated.names:
            reason = "not simulated"
        elif count < min_fields:
            reason = f"fewer than {min_fields} fields in the whole set"
        if reason is None:
            kept.append(name)
        elif count:
            left_out.append({"class": name, "num_fields": count, "reason": reason})
    if len(kept) < 2:
        raise DataError(
            "fewer than two classes are in the real and in the simulated set",
            where=source,
            found="real " + ", ".join(fields.legend.names[:12]),
            expected="simulated " + ", ".join(simulated.names),
            hint="name the classes as the simulated ones with --label-column, or lower "
            "--min-fields",
        )
    names = tuple(name for name in simulated.names if name in kept)
    legend = Legend(names=names, codes=names)
    text = np.append(np.asarray(fields.legend.names), "")[fields.label]
    return legend.encode(text.tolist()), legend, left_out


def _refuse_empty_class(fields: Series, chosen: Flags, part: str, source: str) -> None:
    assert fields.label is not None
    assert fields.legend is not None
    counts = np.bincount(fields.label[chosen], minlength=len(fields.legend))
    if counts.min() < 2:
        raise DataError(
            f"a class has fewer than two fields among those {part}",
            where=source,
            found=f"{fields.legend.names[int(counts.argmin())]}: {int(counts.min())}",
            hint="choose other conditions with --where and --report-where, or raise --min-fields",
        )
