"""Figures of the comparison; all show real fields in blue and simulated ones in vermilion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from windrow.data.day_of_year import MONTH_INITIALS, NUM_MONTHS
from windrow.reporting import theme
from windrow.reporting.run.figures import set_month_axis
from windrow.reporting.simulation_check.reading import Difficulty
from windrow.reporting.tables import number

MARK = "SIMULATED AND REAL"
SETS = ("real", "simulated")
_COLOURS = {"real": theme.BLUE, "simulated": theme.VERMILION}
_LINES: dict[str, tuple[float, Sequence[float]] | Literal["-"]] = {
    "real": "-",
    "simulated": (0, (5, 2)),
}
_MARKERS = {"real": "o", "simulated": "s"}
_INDEX_NAMES = {"NDVI": "NDVI", "NDMI": "NDMI", "red_edge": "Red edge"}
MOST_CLASSES = 6
"""Most classes in one figure of seasons; with more, each panel would be too small to read."""


def legend_of_sets(figure: Any, **where: Any) -> None:
    """Draws the legend of all figures: colour, line and marker of each set."""
    entries = {
        name: Line2D(
            [], [], color=_COLOURS[name], linestyle=_LINES[name], marker=_MARKERS[name],
            markersize=5,
        )
        for name in SETS
    }  # fmt: skip
    theme.finish_legend(figure, entries, loc="outside lower center", ncols=2, **where)


def _of(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def reflectance_figure(table: pd.DataFrame, bands: Sequence[str]) -> Markup:
    """Draws quantiles of reflectance by band.

    A point shows the median, a thick line half of the values, a thin line nine tenths.
    """
    with theme.drawing():
        figure = theme.new_figure(330)
        grid: Any = figure.subplots(1, 2)
        for axes, sky in zip(grid, ("clear", "cloudy"), strict=True):
            for name, shift in zip(SETS, (-0.17, 0.17), strict=True):
                own = _of(table, set=name, sky=sky).pivot_table(
                    index="band", columns="quantile", values="reflectance"
                )
                position = np.arange(len(bands)) + shift
                values = own.reindex(list(bands))
                colour = _COLOURS[name]
                axes.vlines(position, values[0.05], values[0.95], color=colour, linewidth=1.2)
                axes.vlines(position, values[0.25], values[0.75], color=colour, linewidth=4.5)
                axes.plot(
                    position, values[0.5], linestyle="none", color=theme.INK,
                    marker=_MARKERS[name], markersize=4,
                )  # fmt: skip
            axes.set_title(f"{sky.capitalize()} observations")
            axes.set_xticks(range(len(bands)), labels=list(bands), rotation=90)
            axes.set_ylim(bottom=0)
            axes.grid(visible=False, axis="x")
        grid[0].set_ylabel("reflectance (0 to 1)")
        entries = {name: Patch(color=_COLOURS[name]) for name in SETS}
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=2)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "Quantiles of reflectance by band, clear and cloudy")


def correlation_figure(table: pd.DataFrame, bands: Sequence[str]) -> Markup:
    """Draws the correlation between bands of the real set, and simulated minus real."""
    matrix = {
        name: _of(table, set=name)
        .pivot_table(index="band", columns="other", values="correlation")
        .loc[list(bands), list(bands)]
        .to_numpy()
        for name in SETS
    }
    with theme.drawing():
        figure = theme.new_figure(430)
        grid: Any = figure.subplots(1, 2)
        _cells(grid[0], matrix["real"], bands, bands, scale=1.0)
        grid[0].set_title("Real fields")
        _cells(grid[1], matrix["simulated"] - matrix["real"], bands, bands, scale=0.4)
        grid[1].set_title("Simulated less real")
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "Correlation between bands")


def _cells(
    axes: Axes,
    values: np.ndarray[Any, Any],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    scale: float,
    decimals: int = 2,
) -> None:
    """Draws a table of coloured cells: blue above zero, vermilion below, full at ``scale``."""
    for (row, column), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        strength = min(abs(float(value)) / scale, 1.0)
        colour = theme.BLUE if value >= 0 else theme.VERMILION
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=0.75 * strength,
                linewidth=0,
            )
        )  # fmt: skip
        text = number(float(value), decimals).replace("0.", ".")
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=theme.INK)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), labels=list(columns), rotation=90)
    axes.set_yticks(range(len(rows)), labels=list(rows))
    axes.grid(visible=False)


def season_figures(table: pd.DataFrame) -> list[Markup]:
    """Draws NDVI, NDMI and red edge by class over the year, with the band from 10 to 90 %."""
    classes = list(dict.fromkeys(table["class"].tolist()))
    figures = []
    for start in range(0, len(classes), MOST_CLASSES):
        figures.append(_season_figure(table, classes[start : start + MOST_CLASSES]))
    return figures


def _season_figure(table: pd.DataFrame, classes: Sequence[str]) -> Markup:
    with theme.drawing():
        figure = theme.new_figure(60 + 150 * len(_INDEX_NAMES))
        grid: Any = figure.subplots(
            len(_INDEX_NAMES), len(classes), sharex=True, sharey="row", squeeze=False
        )
        for row, (index, title) in enumerate(_INDEX_NAMES.items()):
            for column, name in enumerate(classes):
                axes = grid[row, column]
                draw_season(axes, _of(table, index=index, **{"class": name}))
                if row == 0:
                    axes.set_title(theme.plain(name, 16))
                if column == 0:
                    axes.set_ylabel(title, color=theme.INK)
        set_month_axis(grid[0, 0])
        legend_of_sets(figure)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "NDVI, NDMI and red edge by class through the year")


def draw_season(axes: Axes, rows: pd.DataFrame) -> None:
    """Draws one class and index: medians of both sets and the bands from 10 to 90 %."""
    for name in SETS:
        own = _of(rows, set=name)
        if own.empty:
            continue
        low, middle, high = (
            _of(own, quantile=q).sort_values("day_of_year") for q in (0.1, 0.5, 0.9)
        )
        day = middle["day_of_year"].to_numpy()
        axes.fill_between(
            day, low["value"], high["value"], color=_COLOURS[name], alpha=0.2, linewidth=0
        )
        axes.plot(day, middle["value"], color=_COLOURS[name], linestyle=_LINES[name], linewidth=1.6)


def cloud_figure(tables: dict[str, pd.DataFrame]) -> Markup:
    """Draws clouds: fraction by month, persistence, lengths of runs, shares of partial cover."""
    with theme.drawing():
        figure = theme.new_figure(520)
        grid: Any = figure.subplots(2, 3)
        months, persistence = grid[0, 0], grid[0, 1]
        for name in SETS:
            looks: Any = {
                "color": _COLOURS[name], "linestyle": _LINES[name], "marker": _MARKERS[name],
                "markersize": 4,
            }  # fmt: skip
            own = _of(tables["cloud_months"], set=name)
            months.plot(own["month"], own["cloud_fraction"], **looks)
            own = _of(tables["cloud_persistence"], set=name).dropna()
            persistence.plot(own["first_day"], own["correlation"], **looks)
            for axes, sky in zip((grid[0, 2], grid[1, 0]), ("clear", "cloudy"), strict=True):
                own = _of(tables["cloud_runs"], set=name, sky=sky)
                left = own["share"].to_numpy()[::-1].cumsum()[::-1]
                axes.plot(own["length"], left, **looks)
                axes.set_title(f"Runs of {sky} dates")
                axes.set_xlabel("dates, at least")
                axes.set_ylabel("share of runs")
            for axes, what in zip((grid[1, 1], grid[1, 2]), ("field", "place"), strict=True):
                own = _of(tables["cloud_shares"], set=name, of=what)
                position = np.arange(len(own)) + (-0.2 if name == "real" else 0.2)
                axes.bar(position, own["share"], width=0.38, color=_COLOURS[name])
                edges = [
                    f"{a:g}\N{EN DASH}{b:g}" for a, b in zip(own["least"], own["most"], strict=True)
                ]
                axes.set_xticks(range(len(own)), labels=edges, rotation=45, fontsize=9)
                axes.grid(visible=False, axis="x")
        months.set_title("Cloud fraction by month")
        months.set_xticks(range(1, 13), labels=list(MONTH_INITIALS))
        months.set_ylim(0, 1)
        persistence.set_title("Persistence")
        persistence.set_xlabel("days between two dates")
        persistence.set_ylabel("correlation")
        persistence.axhline(0, color=theme.MUTED, linewidth=0.8)
        grid[1, 1].set_title("A field on a date")
        grid[1, 1].set_xlabel("cloud fraction")
        grid[1, 1].set_ylabel("share of dates")
        grid[1, 2].set_title("A whole place on a date")
        grid[1, 2].set_xlabel("mean cloud fraction")
        legend_of_sets(figure)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "Clouds: fraction, persistence, runs and shape")


def time_figure(autocorrelation: pd.DataFrame, jumps: pd.DataFrame) -> Markup:
    """Draws the autocorrelation of clear observations and jumps between successive clear dates."""
    names = list(dict.fromkeys(autocorrelation["quantity"].tolist()))
    with theme.drawing():
        figure = theme.new_figure(400)
        grid: Any = figure.subplots(2, len(names), squeeze=False, sharex=True)
        for column, quantity in enumerate(names):
            for name in SETS:
                looks: Any = {"color": _COLOURS[name], "linestyle": _LINES[name]}
                own = _of(autocorrelation, set=name, quantity=quantity)
                position = np.arange(len(own))
                grid[0, column].plot(
                    position, own["correlation"], marker=_MARKERS[name], markersize=4, **looks
                )
                for quantile, alpha in ((0.5, 1.0), (0.9, 0.55)):
                    own = _of(jumps, set=name, quantity=quantity, quantile=quantile)
                    grid[1, column].plot(
                        position,
                        own["jump"],
                        marker=_MARKERS[name],
                        markersize=4,
                        alpha=alpha,
                        **looks,
                    )
            gaps = [
                f"{a}\N{EN DASH}{b}" for a, b in zip(own["first_day"], own["last_day"], strict=True)
            ]
            grid[0, column].set_title(quantity)
            grid[1, column].set_xticks(range(len(gaps)), labels=gaps, rotation=60, fontsize=9)
            grid[1, column].set_ylim(bottom=0)
        grid[0, 0].set_ylabel("correlation")
        grid[1, 0].set_ylabel("|difference|")
        figure.supxlabel("days between two clear dates", color=theme.MUTED, fontsize=11)
        legend_of_sets(figure)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "Autocorrelation and jumps of clear observations")


def importance_figure(
    years: Sequence[Sequence[float]],
    observations: Sequence[Sequence[float | None]],
    bands: Sequence[str],
) -> Markup:
    """Draws the importance of month and band for the forests, in per cent."""
    months = list(MONTH_INITIALS)
    with theme.drawing():
        figure = theme.new_figure(400)
        grid: Any = figure.subplots(1, 2)
        for axes, values, title in (
            (grid[0], years, "Years: per cent of all"),
            (grid[1], observations, "Single observations: per cent of the month"),
        ):
            table = 100 * np.array(values, dtype=float)
            largest = float(np.nanmax(table)) if np.isfinite(table).any() else 1.0
            _cells(axes, table, months, bands, scale=max(largest, 1e-9), decimals=0)
            axes.set_title(title)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "What tells simulated fields from real ones")


def separation_figure(
    by_month: dict[str, Sequence[float | None]], floors: Sequence[Sequence[float | None]]
) -> Markup:
    """Draws the area under the curve for single clear observations by month.

    Grey lines show the left-out simulated places.
    """
    with theme.drawing():
        figure = theme.new_figure(270)
        axes = figure.add_subplot()
        position = np.arange(NUM_MONTHS)
        floor = np.array(floors, dtype=float)
        entries: dict[str, theme.LegendHandle] = {}
        for row in floor:
            entries["left-out simulated places"] = axes.plot(
                position, row, color=theme.MUTED, linewidth=1.0, marker="s", markersize=3
            )[0]
        colours = (theme.BLUE, theme.SKY)
        for (name, values), colour in zip(by_month.items(), colours, strict=False):
            entries[f"real fields, {name}"] = axes.plot(
                position, np.array(values, dtype=float), color=colour, marker="o", markersize=5
            )[0]
        axes.axhline(0.5, color=theme.INK, linewidth=0.8)
        axes.set_xticks(position, labels=list(MONTH_INITIALS))
        axes.set_ylim(0.4, 1.02)
        axes.set_ylabel("area under the curve")
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=3)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "How well single observations are told apart by month")


def difficulty_figure(rows: Sequence[Difficulty], titles: dict[str, str]) -> Markup:
    """Draws the few-label accuracy of real and simulated fields with intervals."""
    parts = list(dict.fromkeys(row.part for row in rows))
    with theme.drawing():
        figure = theme.new_figure(300)
        grid: Any = figure.subplots(1, len(parts), sharey=True, squeeze=False)
        for axes, part in zip(grid[0], parts, strict=True):
            own = sorted((row for row in rows if row.part == part), key=lambda row: row.k)
            for name, shift in zip(SETS, (-0.05, 0.05), strict=True):
                scores = [getattr(row, name) for row in own]
                middle = np.array([100 * s.overall_accuracy for s in scores])
                low = np.array([100 * s.overall_accuracy_low for s in scores])
                high = np.array([100 * s.overall_accuracy_high for s in scores])
                axes.errorbar(
                    np.arange(len(own)) + shift, middle, [middle - low, high - middle],
                    color=_COLOURS[name], linestyle=_LINES[name], marker=_MARKERS[name],
                    markersize=5, capsize=3,
                )  # fmt: skip
            axes.set_title(theme.plain(titles[part], 60))
            axes.set_xticks(range(len(own)), labels=[str(row.k) for row in own])
            axes.set_xlabel("labelled fields a class, k")
        grid[0, 0].set_ylabel("overall accuracy (%)")
        legend_of_sets(figure)
        theme.mark(figure, MARK)
        return theme.to_svg(figure, "Few-label accuracy of real and simulated fields")
