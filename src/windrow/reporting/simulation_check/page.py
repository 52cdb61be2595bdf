"""The page that compares simulated with real fields: one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from windrow.files import write_text
from windrow.reporting import tables
from windrow.reporting.page import REPORT_NAME, Drawing, KeyFigure, Section, render_page
from windrow.reporting.run.sections import left_out
from windrow.reporting.simulation_check import figures
from windrow.reporting.simulation_check.reading import Apart, Comparison, Numbers, read_comparison
from windrow.reporting.tables import Cell, Table, number, points, share
from windrow.reporting.theme import plain

GOALS = {
    "zero label": (
        "goal on reported fields: overall accuracy 75 %, macro F1 65 %, 90 % with meadows and"
        " forage crops merged"
    ),
    "years": "goal: at most the floor + .10",
    "observations": "goal: at most .80",
    "difficulty": "goal: within 5 points",
}

NO_SPATIAL_SHAPE = (
    "The shape of the real clouds in space is not available: the table tells neither where its"
    " fields lie nor more than one cloud fraction a field and date. What can be compared is how"
    " often a field, and the whole place, is partly clouded."
)


def write_comparison_page(folder: Path) -> Path:
    """Writes ``report.html`` into the folder of a comparison and returns its path.

    Raises:
        DataError: a file of the comparison is missing or damaged.
        OutputError: the page cannot be written.
    """
    path = folder / REPORT_NAME
    write_text(path, render_comparison(read_comparison(folder)))
    return path


def render_comparison(found: Comparison) -> str:
    """Renders the page as HTML text."""
    numbers = found.numbers
    return render_page(
        name=f"Simulated {plain(numbers.scenario, 40)} beside real fields",
        subtitle=_subtitle(numbers),
        simulated=["the simulated fields of this page; the real ones are named as such"],
        origin_known=True,
        key_figures=comparison_key_figures(numbers),
        sections=comparison_sections(found),
    )


def _subtitle(numbers: Numbers) -> str:
    fields = "; ".join(f"{part.num_fields:,} of {part.title}" for part in numbers.parts)
    simulated = numbers.simulated
    return (
        f"Real fields of {plain(Path(numbers.real).name, 80)}: {fields}. Simulated:"
        f" {simulated.num_fields:,} fields of {simulated.num_landscapes} landscapes, each the mean"
        f" of {simulated.pixels_a_field:.1f} sampled pixels."
    )


def comparison_key_figures(numbers: Numbers) -> list[KeyFigure]:
    """Returns the three numbers for the fields looked at, and for reported fields if any."""
    titles = {part.part: part.title for part in numbers.parts}
    found = []
    for row in numbers.zero_label:
        merged = "" if row.merged_accuracy is None else f", merged {share(row.merged_accuracy)}"
        found.append(
            KeyFigure(
                f"Zero-label overall accuracy (%), {plain(titles[row.part])}",
                share(row.overall_accuracy),
                f"macro F1 {share(row.macro_f1)}{merged}; {GOALS['zero label']}",
            )
        )
    look = numbers.telling_apart[0]
    floor = [row.years for row in numbers.floor]
    single = [row.observations for row in numbers.floor if row.observations is not None]
    found.append(
        KeyFigure(
            "Telling years apart (area under the curve)",
            number(look.years, 3),
            f"floor {np.mean(floor):.3f} ± {np.std(floor):.3f} of {len(floor)} left-out simulated"
            f" places; {GOALS['years']}",
        )
    )
    found.append(
        KeyFigure(
            "Telling single clear observations apart",
            number(look.observations, 3),
            (f"left-out simulated places {np.mean(single):.3f}; " if single else "")
            + GOALS["observations"],
        )
    )
    worst = max(numbers.difficulty, key=lambda row: abs(row.difference))
    found.append(
        KeyFigure(
            "Largest difference of difficulty (points)",
            points(worst.difference),
            f"simulated less real at k = {worst.k}, {plain(titles[worst.part])};"
            f" {GOALS['difficulty']}",
        )
    )
    return found


def comparison_sections(found: Comparison) -> list[Section]:
    """Returns all sections of the page."""
    return [
        _zero_label(found.numbers),
        _apart(found.numbers),
        _difficulty(found.numbers),
        _reflectance(found),
        _seasons(found),
        _clouds(found),
        _time(found),
        _settings(found.numbers),
    ]


def _zero_label(numbers: Numbers) -> Section:
    section = Section(
        "zero-label",
        "Zero labels: trained on simulated fields, tested on real ones",
        intro="Extra trees on four indices of clear observations, interpolated to ten days. No real"
        " label was used to train.",
    )
    titles = {part.part: part.title for part in numbers.parts}
    section.matrices = [
        tables.confusion_matrix(titles[row.part], numbers.legend, row.confusion_matrix)
        for row in numbers.zero_label
    ]
    section.notes = [plain(note, 300) for note in numbers.notes]
    section.notes += [left_out(item) for item in numbers.left_out]
    section.notes += [
        f"{part.title}: {plain(part.note, 200)}" for part in numbers.parts if part.note is not None
    ]
    return section


def _header(*names: str, text_columns: int = 1) -> tuple[Cell, ...]:
    return tuple(Cell(name, number=i >= text_columns) for i, name in enumerate(names))


def _apart(numbers: Numbers) -> Section:
    titles = {part.part: part.title for part in numbers.parts}
    section = Section(
        "telling-apart",
        "Telling simulated from real",
        intro="Area under the curve of a random forest that tells simulated fields from other ones"
        " by the medians of clear observations in each month, in five folds by field, and of one"
        " that sees a single clear observation. 0.5: no difference. The floor is the same for"
        " simulated places, each one landscape with the real numbers of fields: one place and one"
        " year always share their weather.",
    )
    section.drawings = [
        Drawing(
            figures.separation_figure(
                {titles[str(row.part)]: row.observations_by_month for row in numbers.telling_apart},
                [row.observations_by_month for row in numbers.floor],
            ),
            "Single clear observations: area under the curve within each month.",
        ),
        Drawing(
            figures.importance_figure(
                numbers.telling_apart[0].importance,
                numbers.telling_apart[0].observations_importance,
                numbers.bands,
            ),
            f"What the forests look at, {titles['look']}: share of the gain by month and band."
            " Stronger colour: more of it.",
        ),
    ]
    rows = [_apart_row(f"real: {titles[str(row.part)]}", row) for row in numbers.telling_apart] + [
        _apart_row(f"left-out simulated place {i + 1}", row) for i, row in enumerate(numbers.floor)
    ]
    section.tables = [
        Table(
            "Area under the curve against simulated fields in the same proportions of classes.",
            _header(
                "Fields", "Number", "Simulated", "Years",
                "Single observations",
            ),
            tuple(rows),
        )
    ]  # fmt: skip
    return section


def _apart_row(name: str, row: Apart) -> tuple[Cell, ...]:
    return (
        Cell(name),
        Cell(f"{row.num_fields:,}", number=True),
        Cell(f"{row.num_simulated:,}", number=True),
        Cell(number(row.years, 3), number=True),
        Cell(number(row.observations, 3), number=True),
    )


def _difficulty(numbers: Numbers) -> Section:
    titles = {part.part: part.title for part in numbers.parts}
    section = Section(
        "difficulty",
        "Difficulty: few labels on real and on simulated fields",
        intro="Extra trees on four indices. Fields looked at are split in random halves; reported"
        " ones are tested with those looked at to learn from. A simulated place is one landscape"
        " with the real numbers of fields a class, split in random halves.",
    )
    section.drawings = [
        Drawing(
            figures.difficulty_figure(numbers.difficulty, titles),
            "Overall accuracy by labelled fields a class; bars are 95 % intervals over resampled"
            " test fields.",
        )
    ]
    rows = []
    for row in numbers.difficulty:
        spread = "" if row.simulated.places_std is None else f" ± {share(row.simulated.places_std)}"
        rows.append(
            (
                Cell(titles[row.part]),
                Cell(str(row.k), number=True),
                Cell(_with_interval(row.real.overall_accuracy, row.real.overall_accuracy_low,
                                    row.real.overall_accuracy_high), number=True),
                Cell(_with_interval(row.simulated.overall_accuracy,
                                    row.simulated.overall_accuracy_low,
                                    row.simulated.overall_accuracy_high) + spread, number=True),
                Cell(points(row.difference), strong=abs(row.difference) > 0.05, number=True),
                Cell(share(row.real.macro_f1), number=True),
                Cell(share(row.simulated.macro_f1), number=True),
            )
        )  # fmt: skip
    section.tables = [
        Table(
            "Overall accuracy in per cent with its interval, of simulated fields also the deviation"
            f" between {numbers.difficulty[0].simulated.places} places; simulated less real in"
            " points (bold: more than 5); macro F1 in per cent.",
            _header("Fields", "k", "Real", "Simulated", "Difference", "F1 real", "F1 simulated"),
            tuple(rows),
        )
    ]
    return section


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{share(value)} ({share(low)} to {share(high)})"


def _reflectance(found: Comparison) -> Section:
    bands = found.numbers.bands
    section = Section(
        "reflectance",
        "Reflectance and correlation of bands",
        intro=f"Of {found.numbers.parts[0].title}, and of simulated fields in the same proportions"
        " of classes. Clear is a cloud fraction below"
        f" {found.numbers.clear_below / 255:.2f}.",
    )
    section.drawings = [
        Drawing(
            figures.reflectance_figure(found.tables["reflectance"], bands),
            "Reflectance by band: middle (mark), half of the observations (thick), nine of ten"
            " (thin).",
        ),
        Drawing(
            figures.correlation_figure(found.tables["band_correlation"], bands),
            "Correlation between bands over clear observations; right, full colour is 0.4.",
        ),
    ]
    section.tables = [
        _quantile_table(found.tables["reflectance"], sky, bands) for sky in ("clear", "cloudy")
    ]
    return section


def _quantile_table(table: pd.DataFrame, sky: str, bands: Sequence[str]) -> Table:
    own = table[table["sky"] == sky].set_index(["set", "band", "quantile"])["reflectance"]
    quantiles = sorted(set(table["quantile"]))
    rows = []
    for band in bands:
        cells = [Cell(band)]
        for quantile in quantiles:
            pair = (float(own.loc[name, band, quantile]) for name in ("simulated", "real"))
            cells.append(Cell(" / ".join(number(value, 3) for value in pair), number=True))
        rows.append(tuple(cells))
    return Table(
        f"Quantiles of reflectance of {sky} observations, simulated / real.",
        _header("Band", *(f"{100 * quantile:g} %" for quantile in quantiles)),
        tuple(rows),
    )


def _seasons(found: Comparison) -> Section:
    section = Section("seasons", "Seasons by crop")
    section.drawings = [
        Drawing(
            drawing,
            "Clear observations interpolated to ten days: middle of the fields and the band from 10"
            " to 90 per cent, real (blue, solid) and simulated (vermilion, dashed).",
        )
        for drawing in figures.season_figures(found.tables["seasons"])
    ]
    return section


def _clouds(found: Comparison) -> Section:
    section = Section("clouds", "Clouds and clear dates")
    section.drawings = [
        Drawing(
            figures.cloud_figure(dict(found.tables)),
            "Mean cloud fraction by month; correlation of a field's cloud fraction by days between"
            " dates, the month's mean taken out; lengths of runs of clear and cloudy dates; how"
            " often a field and a whole place are clear, partly and fully cloudy.",
        )
    ]
    shapes = found.tables["cloud_shape"]
    section.tables = [_shape_table(shapes), _clear_date_table(found.tables["clear_dates"])]
    if "real" not in set(shapes["set"]):
        section.notes = [NO_SPATIAL_SHAPE]
    return section


def _shape_table(table: pd.DataFrame) -> Table:
    rows = []
    for least, most in dict.fromkeys(zip(table["least_m"], table["most_m"], strict=True)):
        at = table[table["least_m"] == least].set_index("set")["share"]
        cells = [
            Cell(share(float(at.loc[name]) if name in at.index else None), number=True)
            for name in ("simulated", "real")
        ]
        rows.append((Cell(f"{least:g} to {most:g} m"), *cells))
    return Table(
        "Shape of clouds: on how many of a hundred dates exactly one of two pixels or fields of one"
        " place is cloudy, by the distance between them.",
        _header("Distance", "Simulated", "Real"),
        tuple(rows),
    )


def _clear_date_table(table: pd.DataFrame) -> Table:
    def row(name: str, chosen: pd.DataFrame) -> tuple[Cell, ...]:
        values = chosen.set_index("set")["num_dates"]
        pair = (float(values.loc["simulated"]), float(values.loc["real"]))
        return (Cell(name), *(Cell(number(value, 1), number=True) for value in pair))

    year = table[table["month"] == 0]
    rows = [row("year, mean", year[year["quantile"].isna()])]
    for quantile in sorted(set(year["quantile"].dropna())):
        rows.append(row(f"year, {100 * quantile:g} %", year[year["quantile"] == quantile]))
    for month in range(1, 13):
        rows.append(row(f"month {month}, mean", table[table["month"] == month]))
    return Table(
        "Clear dates a field: mean and quantiles over fields of the year, and means by month.",
        _header("", "Simulated", "Real"),
        tuple(rows),
    )


def _time(found: Comparison) -> Section:
    section = Section("time", "Clear observations in time")
    section.drawings = [
        Drawing(
            figures.time_figure(found.tables["autocorrelation"], found.tables["jumps"]),
            "Above: correlation of clear observations by days between them, the mean of class and"
            " month taken out. Below: absolute difference between neighbouring clear dates, middle"
            " (strong) and 90 per cent (pale).",
        )
    ]
    return section


def _settings(numbers: Numbers) -> Section:
    section = Section("settings", "Settings")
    section.tables = [
        tables.settings_table("Settings of the comparison (realism.json).", numbers.settings),
        tables.settings_table(
            f"Settings of the scenario {plain(numbers.scenario)}.", numbers.scenario_settings
        ),
    ]
    return section
