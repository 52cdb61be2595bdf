"""Figures of classification: few-label curves, differences, the map of right and wrong fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from windrow.reporting import theme
from windrow.reporting.run.records import FewShotRow, PairedDifference

Metric = Literal["overall_accuracy", "macro_f1"]
METRIC_NAMES = {"overall_accuracy": "Overall accuracy", "macro_f1": "Macro F1", "kappa": "Kappa"}

MOST_MAPS = 6
"""Most panels of a figure; with more, each would be too small to show a field."""

_METHOD_COLOURS = {
    "windrow": theme.BLUE,
    "representation": theme.PURPLE,
    "bands": theme.VERMILION,
    "indices": theme.GREEN,
    "bands_and_indices": theme.AMBER,
}
_OTHER_COLOURS = (theme.SKY, theme.VIOLET)
_LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_MARKERS = ("o", "s", "^", "D", "v")


def method_colours(methods: Sequence[str]) -> dict[str, str]:
    """Returns one colour per method, the same in every figure of the page."""
    others = [name for name in dict.fromkeys(methods) if name not in _METHOD_COLOURS]
    colours = {name: _OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i, name in enumerate(others)}
    return _METHOD_COLOURS | colours


def label_count_curves(rows: Sequence[FewShotRow], *, mark: str) -> Markup:
    """Draws overall accuracy and macro F1 by labelled fields per class.

    The band shows one standard deviation to either side.
    """
    curves = list(dict.fromkeys((row.method, row.head) for row in rows))
    heads = list(dict.fromkeys(head for _, head in curves))
    colours = method_colours([method for method, _ in curves])
    counts = sorted({row.k for row in rows})
    metrics: tuple[Metric, Metric] = ("overall_accuracy", "macro_f1")
    with theme.drawing():
        figure = theme.new_figure(370 + 16 * ((len(curves) + 2) // 3))
        grid: Any = figure.subplots(1, 2, sharey=True, squeeze=False)
        entries: dict[str, theme.LegendHandle] = {}
        for axes, metric in zip(grid[0], metrics, strict=True):
            for method, head in curves:
                own = {row.k: row for row in rows if (row.method, row.head) == (method, head)}
                position = [counts.index(k) for k in sorted(own)]
                mean = np.array([getattr(own[k], metric) for k in sorted(own)]) * 100
                std = np.array([getattr(own[k], f"{metric}_std") for k in sorted(own)]) * 100
                order = heads.index(head)
                colour = colours[method]
                axes.fill_between(
                    position, mean - std, mean + std, color=colour, alpha=0.13, linewidth=0
                )
                entries[f"{theme.wording(method, 20)}, {theme.wording(head)}"] = axes.plot(
                    position,
                    mean,
                    color=colour,
                    linestyle=_LINES[order % len(_LINES)],
                    marker=_MARKERS[order % len(_MARKERS)],
                    markersize=5,
                )[0]
            axes.set_title(f"{METRIC_NAMES[metric]} (%)")
            axes.set_xticks(range(len(counts)), labels=[str(k) for k in counts])
            axes.set_xlabel("labelled fields a class, k")
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=3)
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Accuracy and macro F1 by labelled fields a class")


def paired_intervals(differences: Sequence[PairedDifference], *, mark: str) -> Markup:
    """Draws paired differences in points with intervals; above zero the first method is better."""
    colours = method_colours([item.baseline_method for item in differences])
    with theme.drawing():
        figure = theme.new_figure(70 + 24 * max(len(differences), 2))
        axes = figure.add_subplot()
        axes.axvline(0, color=theme.INK, linewidth=1.0)
        for position, item in enumerate(differences):
            colour = colours[item.baseline_method]
            if item.low is not None and item.high is not None:
                axes.plot([item.low * 100, item.high * 100], [position, position], color=colour)
            axes.plot([item.difference * 100], [position], color=colour, marker="o", markersize=6)
        axes.set_yticks(range(len(differences)), labels=[pair_name(item) for item in differences])
        axes.set_ylim(len(differences) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelcolor=theme.INK)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("difference in points; right of zero the first of each pair is better")
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Paired differences with bootstrap intervals")


def pair_name(item: PairedDifference) -> str:
    """Returns what is compared with what, in one line."""
    count = "" if item.k is None else f"k = {item.k}:  "
    first = f"{theme.wording(item.method, 18)}, {theme.wording(item.head, 22)}"
    second = f"{theme.wording(item.baseline_method, 18)}, {theme.wording(item.baseline_head, 22)}"
    return f"{count}{first} \N{MINUS SIGN} {second}"


def fields_right_and_wrong(predictions: pd.DataFrame) -> pd.DataFrame | None:
    """Returns one row a field: its place and whether most of its series were classified right.

    Args:
        predictions: with true, predicted, longitude, latitude, and field_id where series are
            pixels of a field; without field_id each id is a field.

    Returns:
        columns longitude, latitude (degrees, mean of the field) and right (bool), or None where
        no row has coordinates.
    """
    if not {"longitude", "latitude"} <= set(predictions.columns):
        return None
    known = predictions[
        np.isfinite(predictions["longitude"]) & np.isfinite(predictions["latitude"])
    ]
    if known.empty:
        return None
    right = known.assign(right=known["true"] == known["predicted"])
    name = "field_id" if "field_id" in known else "id"
    fields = right.groupby(name, sort=True).agg(
        longitude=("longitude", "mean"), latitude=("latitude", "mean"), right=("right", "mean")
    )
    fields["right"] = fields["right"] > 0.5
    return pd.DataFrame(fields.reset_index(drop=True))


def error_maps(maps: dict[str, pd.DataFrame], *, mark: str) -> Markup:
    """Draws fields by longitude and latitude: correct ones as dots, wrong ones as crosses.

    Args:
        maps: tables of :func:`fields_right_and_wrong`, by title.
        mark: a word written into the figure, such as SIMULATED.
    """
    columns = min(len(maps), 3)
    lines = -(-len(maps) // columns)
    with theme.drawing():
        figure = theme.new_figure(50 + 340 * lines)
        grid: Any = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        entries: dict[str, theme.LegendHandle] = {}
        for axes in grid.flat[len(maps) :]:
            axes.set_visible(False)
        for axes, (title, fields) in zip(grid.flat, maps.items(), strict=False):
            entries = _draw_map(axes, fields)
            share = 100 * float(fields["right"].mean())
            axes.set_title(f"{theme.plain(title, 34)}: {share:.1f} %", fontsize=11)
        for axes in grid[:, 0]:
            axes.set_ylabel("latitude (°)")
        for axes in grid.flat[max(len(maps) - columns, 0) : len(maps)]:
            axes.set_xlabel("longitude (°)")
            axes.tick_params(labelbottom=True)
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=2)
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Map of fields classified right and wrong")


def _draw_map(axes: Axes, fields: pd.DataFrame) -> dict[str, theme.LegendHandle]:
    entries: dict[str, theme.LegendHandle] = {}
    for name, own, colour, marker, size in (
        ("right", fields[fields["right"]], theme.SKY, "o", 3.2),
        ("wrong", fields[~fields["right"]], theme.VERMILION, "x", 5.0),
    ):
        entries[name] = axes.plot(
            own["longitude"].to_numpy(),
            own["latitude"].to_numpy(),
            linestyle="none",
            marker=marker,
            markersize=size,
            markeredgewidth=1.4 if marker == "x" else 0,
            color=colour,
        )[0]
    middle = np.deg2rad(float(fields["latitude"].mean()))
    axes.set_aspect(1 / max(float(np.cos(middle)), 0.05), adjustable="box")
    axes.ticklabel_format(useOffset=False)
    axes.locator_params(nbins=4)
    return entries
