"""Figures of a study in the paper's form: comparisons (11-13), maps (14, 15), ablations (7-9).

Each figure is drawn once and kept as SVG for the page, and as SVG and PNG for files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from windrow.evaluation.paired_tests import Gain
from windrow.reporting import theme
from windrow.reporting.study.curves import Curve, curves_of
from windrow.reporting.study.reading import Study, paired, present
from windrow.reporting.study.statistics import StudyStatistics
from windrow.reporting.study.tables import head_words, task_words

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
_DODGE = 0.5
"""Share of the distance between two positions over which the points of the arms are spread."""
_LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))


@dataclass(frozen=True)
class NamedFigure:
    """A figure, ready for the page and for files.

    Attributes:
        name: name of its files.
        caption: caption of the figure.
        page: SVG that follows the page's theme.
        svg, png: the figure on white, for use elsewhere.
    """

    name: str
    caption: str
    page: Markup
    svg: str
    png: bytes


def finish(figure: Figure, *, name: str, caption: str, mark: str) -> NamedFigure:
    """Saves all forms of a figure; call within :func:`windrow.reporting.theme.drawing`."""
    theme.mark(figure, mark)
    page = theme.to_svg(figure, caption.split(". ", maxsplit=1)[0])
    svg, png = theme.to_files(figure)
    return NamedFigure(name, caption, page, svg, png)


def comparison_figure(
    study: Study,
    task: str,
    gains: dict[str, Gain],
    *,
    first: str,
    second: str,
    number: int,
    mark: str,
) -> NamedFigure:
    """Draws a comparison plot and a box plot of the gain of each head (Figures 11 to 13).

    Args:
        study: the study as read.
        task: name of the task.
        gains: gain of each head that has pairs.
        first: arm of the vertical axis.
        second: arm of the horizontal axis.
        number: number of the paper's figure.
        mark: a word written into the figure.
    """
    with theme.drawing():
        figure = theme.new_figure(40 + 270 * len(gains))
        grid: Any = figure.subplots(len(gains), 2, squeeze=False)
        for (left, right), (head, gained) in zip(grid, gains.items(), strict=True):
            own = study.rows(task=task, tested=task, head=head)
            rows = paired(own[own["arm"] == first], own[own["arm"] == second])
            x = 100 * rows["overall_accuracy_second"].to_numpy(dtype=float)
            y = 100 * rows["overall_accuracy_first"].to_numpy(dtype=float)
            _draw_comparison(left, x, y)
            left.set_title(
                f"{head_words(head)}: win score {gained.wins}/{gained.num_pairs}", fontsize=11
            )
            left.set_xlabel(f"{study.title(second)}, overall accuracy (%)")
            left.set_ylabel(f"{study.title(first)} (%)")
            _draw_gain(right, y - x)
            right.set_title("Gain", fontsize=11)
        caption = (
            f"Figure {number}. {task_words(task)}: each point is one configuration and seed."
            f" Above the dotted break-even line (vermilion points) {study.title(first)} is"
            f" better than {study.title(second)}, below it (green triangles) worse. Right: the"
            " gain in points of overall accuracy; box: quartiles and median, whiskers: all runs,"
            " diamond: mean."
        )
        return finish(figure, name=f"figure-{number}-{task}", caption=caption, mark=mark)


def _draw_comparison(axes: Axes, x: Any, y: Any) -> None:
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = max(0.08 * (high - low), 0.5)
    low, high = low - margin, high + margin
    axes.plot([low, high], [low, high], color=theme.INK, linewidth=1.0, linestyle=(0, (1.5, 2)))
    above = y > x
    for chosen, colour, marker in (
        (above, theme.VERMILION, "o"),
        (~above, theme.GREEN, "v"),
    ):
        axes.plot(x[chosen], y[chosen], linestyle="none", marker=marker, markersize=6, color=colour)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal", adjustable="box")


def _draw_gain(axes: Axes, gain: Any) -> None:
    axes.axvline(0, color=theme.INK, linewidth=1.0, linestyle=(0, (1.5, 2)))
    axes.boxplot(
        gain,
        orientation="horizontal",
        widths=0.5,
        whis=(0, 100),
        showmeans=True,
        boxprops={"color": theme.INK},
        whiskerprops={"color": theme.INK},
        capprops={"color": theme.INK},
        medianprops={"color": theme.BLUE, "linewidth": 2},
        meanprops={
            "marker": "D",
            "markerfacecolor": theme.VERMILION,
            "markeredgecolor": theme.VERMILION,
            "markersize": 6,
        },
    )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("gain in points")


def map_figure(
    study: Study, task: str, head: str, *, arms: Sequence[str], number: int, mark: str
) -> NamedFigure | None:
    """Maps correct and wrong pixels of two arms for one configuration (Figures 14 and 15).

    Returns:
        the figure; None where a cell is missing or the series have no coordinates.
    """
    configuration, seed = study.settings.map_configuration, study.settings.seeds[0]
    maps: dict[str, pd.DataFrame] = {}
    for arm in arms:
        rows = study.rows(
            task=task, tested=task, head=head, arm=arm, configuration=configuration, seed=seed
        )
        if rows.empty:
            return None
        table = study.predictions(str(rows["name"].iloc[0]), task)
        known = table[np.isfinite(table["longitude"]) & np.isfinite(table["latitude"])]
        if known.empty:
            return None
        maps[arm] = known
    with theme.drawing():
        figure = theme.new_figure(470)
        grid: Any = figure.subplots(1, len(maps), squeeze=False, sharex=True, sharey=True)
        entries: dict[str, theme.LegendHandle] = {}
        for axes, (arm, table) in zip(grid[0], maps.items(), strict=True):
            right = (table["label"] == table["predicted"]).to_numpy()
            for word, chosen, colour, marker, size in (
                ("right", right, theme.VIOLET, "o", 2.6),
                ("wrong", ~right, theme.VERMILION, "x", 4.2),
            ):
                entries[word] = axes.plot(
                    table["longitude"].to_numpy()[chosen],
                    table["latitude"].to_numpy()[chosen],
                    linestyle="none",
                    marker=marker,
                    markersize=size,
                    markeredgewidth=1.1 if marker == "x" else 0,
                    color=colour,
                )[0]
            axes.set_title(f"{study.title(arm)}: {100 * right.mean():.1f} % right", fontsize=11)
            axes.set_xlabel("longitude (°)")
            middle = np.deg2rad(float(table["latitude"].mean()))
            axes.set_aspect(1 / max(float(np.cos(middle)), 0.05), adjustable="box")
            axes.ticklabel_format(useOffset=False)
            axes.locator_params(nbins=4)
        grid[0][0].set_ylabel("latitude (°)")
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=2)
        caption = (
            f"Figure {number}. {task_words(task)}, {head_words(head)}: test pixels classified"
            f" right (dots) and wrong (crosses), configuration {configuration}, seed {seed}."
        )
        return finish(figure, name=f"figure-{number}-{task}-{head}", caption=caption, mark=mark)


def ablation_figure(
    study: Study,
    arms: Sequence[tuple[str, str]],
    *,
    name: str,
    title: str,
    axis: str,
    mark: str,
) -> NamedFigure | None:
    """Draws accuracy by one setting, one panel per head; a dashed line marks the best mean.

    These are Figures 7 to 9 of the paper.

    Args:
        study: an ablation.
        arms: name of each arm and its tick label.
        name: name of the files.
        title: beginning of the caption.
        axis: label of the axis.
        mark: a word written into the figure.
    """
    own = study.rows()
    shown = [(arm, tick) for arm, tick in arms if arm in set(own["arm"].tolist())]
    if len(shown) < 2:
        return None
    heads = present(own, "head")
    with theme.drawing():
        figure = theme.new_figure(300)
        grid: Any = figure.subplots(1, len(heads), squeeze=False)
        for axes, head in zip(grid[0], heads, strict=True):
            groups = [
                100 * own[(own["arm"] == arm) & (own["head"] == head)]["overall_accuracy"]
                for arm, _ in shown
            ]
            mean = np.array([group.mean() for group in groups])
            deviation = np.array([group.std(ddof=0) for group in groups])
            axes.errorbar(
                range(len(shown)),
                mean,
                yerr=deviation,
                color=theme.BLUE,
                marker="o",
                markersize=6,
                capsize=4,
            )
            axes.axhline(float(np.nanmax(mean)), color=theme.AMBER, linestyle=(0, (5, 3)))
            axes.set_xticks(range(len(shown)), labels=[tick for _, tick in shown])
            axes.set_title(head_words(head), fontsize=11)
            axes.set_xlabel(axis)
        grid[0][0].set_ylabel("overall accuracy (%)")
        task = task_words(study.settings.tasks[0].name)
        caption = (
            f"{title} {task}; points are means over configurations and seeds, bars one standard"
            " deviation, the dashed line is the best mean."
        )
        return finish(figure, name=name, caption=caption, mark=mark)


def curve_figure(
    study: Study, statistics: StudyStatistics, task: str, axis: str, *, mark: str
) -> NamedFigure | None:
    """Draws accuracy by labelled fields (axis ``k``) or day of year (``day``), one panel per head.

    Bars show intervals over fields. At one position the arms stand beside each other.
    """
    positions, every = curves_of(study, axis)
    curves = [curve for curve in every if curve.task == task]
    heads = [head for head in dict.fromkeys(c.head for c in curves) if head != "forest"]
    arms = list(dict.fromkeys(curve.arm for curve in curves))
    if not heads:
        return None
    with theme.drawing():
        figure = theme.new_figure(400 + 18 * ((len(arms) + 3) // 4))
        grid: Any = figure.subplots(1, len(heads), squeeze=False, sharey=True)
        entries: dict[str, theme.LegendHandle] = {}
        for axes, head in zip(grid[0], heads, strict=True):
            for curve in curves:
                if curve.head in (head, "forest"):
                    order = arms.index(curve.arm)
                    shift = _DODGE * (order - (len(arms) - 1) / 2) / max(len(arms), 4)
                    entries[study.title(curve.arm)] = _draw_curve(
                        axes, statistics, curve, positions, order=order, shift=shift
                    )
            last = "all" if axis == "k" else "year"
            labels = [str(position) for position in positions[:-1]] + [last]
            axes.set_xticks(range(len(positions)), labels=labels)
            axes.set_title(head_words(head), fontsize=11)
            axes.set_xlabel(
                "labelled fields a class" if axis == "k" else "known before this day of the year"
            )
        grid[0][0].set_ylabel("overall accuracy (%)")
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=4)
        what = "the number of labelled fields a class" if axis == "k" else "the day of the year"
        level = 100 * study.settings.bootstrap.level
        bars = f" Bars: {level:.0f} % intervals of these means, by bootstrap over test fields."
        if (reason := statistics.why_no_interval(task)) is not None:
            bars = f" {reason[0].upper()}{reason[1:]}."
        alone = any(curve.head == "forest" for curve in curves)
        forest = "; a random forest stands in every panel" if alone else ""
        caption = (
            f"{task_words(task)}: overall accuracy by {what}. Means over the seeds and the"
            f" configurations of the curve{forest}.{bars}"
        )
        name = f"{'labels' if axis == 'k' else 'season'}-{task}"
        return finish(figure, name=name, caption=caption, mark=mark)


def _draw_curve(
    axes: Axes,
    statistics: StudyStatistics,
    curve: Curve,
    positions: Sequence[int],
    *,
    order: int,
    shift: float,
) -> theme.LegendHandle:
    """Draws one arm's line with the bars of its points and returns its legend handle."""
    colour = theme.SERIES_COLOURS[order % len(theme.SERIES_COLOURS)]
    known = [(at, position) for at, position in enumerate(positions) if position in curve.rows]
    where = [at + shift for at, _ in known]
    for x, (_, position) in zip(where, known, strict=True):
        found = statistics.interval(curve.arm, curve.selections[position])
        if found is not None:
            limits = 100 * found[0].low, 100 * found[0].high
            axes.vlines(x, *limits, color=colour, linewidth=1.0, alpha=0.75)
    return axes.plot(
        where,
        [100 * curve.rows[position]["overall_accuracy"].mean() for _, position in known],
        color=colour,
        linestyle=_LINES[order // len(theme.SERIES_COLOURS) % len(_LINES)],
        marker=_MARKERS[order % len(_MARKERS)],
        markersize=4.5,
        linewidth=1.3,
    )[0]
