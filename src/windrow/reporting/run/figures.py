"""Figures of pre-training: loss curves, predicted PlanetScope series, reflectance density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from windrow.data.day_of_year import MAX_DAYS, MONTH_INITIALS, MONTH_STARTS
from windrow.reporting import theme
from windrow.reporting.run.records import LOSS_PARTS, Metrics

CLOUDY = 128
"""Cloud probability (0..255) from which a date is drawn as cloudy: one half."""

MOST_POINTS = 300
"""Most points of a drawn curve; a longer curve is averaged in this number of equal groups."""

BAND_ORDER = ("blue", "green", "red", "nir")


def thin(
    steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64], most: int = MOST_POINTS
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Averages a curve's finite points in at most ``most`` groups of neighbouring steps.

    Args:
        steps: (N,) step of each point.
        values: (N,) value of each point; values that are not finite are left out.
        most: largest number of groups.

    Returns:
        mean step and mean value of each group.

    Example:
        >>> x, y = thin(np.arange(4), np.array([1.0, 3.0, 5.0, np.nan]), most=2)
        >>> x.tolist(), y.tolist()
        ([0.5, 2.0], [2.0, 5.0])
    """
    known = np.isfinite(values)
    x, y = steps[known].astype(np.float64), values[known]
    if len(x) <= most:
        return x, y
    return (
        np.array([group.mean() for group in np.array_split(x, most)]),
        np.array([group.mean() for group in np.array_split(y, most)]),
    )


def loss_curves(metrics: Metrics, *, mark: str) -> Markup:
    """Draws total loss, its three parts and the learning rate by step; validation as points."""
    titles = {
        "loss": "Total loss",
        "reconstruction": "PlanetScope, equation (1)",
        "season": "Month (cross entropy, nats)",
        "cloud": "Cloud level (cross entropy, nats)",
    }
    with theme.drawing():
        figure = theme.new_figure(460)
        grid = figure.add_gridspec(2, 6)
        cells = (grid[0, :4], grid[1, :2], grid[1, 2:4], grid[1, 4:])
        train: Any = None
        validation: Any = None
        for name, cell in zip(LOSS_PARTS, cells, strict=True):
            axes = figure.add_subplot(cell)
            axes.set_title(titles[name])
            x, y = thin(metrics.train["step"].to_numpy(), metrics.train[name].to_numpy())
            train = axes.plot(x, y, color=theme.BLUE)[0]
            held_out = metrics.validation[["step", name]].dropna()
            validation = axes.plot(
                held_out["step"].to_numpy(),
                held_out[name].to_numpy(),
                color=theme.VERMILION,
                marker="o",
                markersize=4.5,
                linewidth=1.2,
            )[0]
            if len(x) == 0 and held_out.empty:
                _say_nothing_there(axes, "not recorded")
            axes.set_xlabel("step")
        axes = figure.add_subplot(grid[0, 4:])
        axes.set_title("Learning rate")
        x, y = thin(metrics.train["step"].to_numpy(), metrics.train["learning_rate"].to_numpy())
        axes.plot(x, y, color=theme.MUTED)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        axes.yaxis.get_offset_text().set_color(theme.MUTED)
        axes.set_xlabel("step")
        entries = {"training": train, "validation (held out)": validation}
        theme.finish_legend(figure.axes[0], entries, loc="upper right")
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Loss curves and learning rate by step")


def _say_nothing_there(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=theme.MUTED)
    axes.set_xticks([])
    axes.set_yticks([])


def series_panels(predictions: pd.DataFrame, *, num_pixels: int = 4, mark: str) -> Markup:
    """Draws predicted and observed PlanetScope by day, one row per pixel, one column per band.

    Args:
        predictions: from :func:`windrow.reporting.run.reading.read_series_predictions`.
        num_pixels: most pixels to draw; the first of the table are taken.
        mark: a word written into the figure, such as SIMULATED.
    """
    bands = ordered_bands(predictions["band"])
    pixels = list(dict.fromkeys(predictions["series_id"].tolist()))[:num_pixels]
    with theme.drawing():
        figure = theme.new_figure(60 + 150 * len(pixels))
        grid: Any = figure.subplots(
            len(pixels), len(bands), sharex=True, sharey="col", squeeze=False
        )
        for row, pixel in enumerate(pixels):
            own = predictions[predictions["series_id"] == pixel]
            for column, band in enumerate(bands):
                axes = grid[row, column]
                _draw_series(axes, own[own["band"] == band].sort_values("day_of_year"))
                if row == 0:
                    axes.set_title(theme.wording(band))
                if column == 0:
                    axes.set_ylabel(f"pixel {theme.plain(pixel, 14)}", color=theme.INK)
        for axes in grid[0]:  # set only after all panels of the shared axis are drawn
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        first = grid[0, 0]  # all panels share its axis of days
        set_month_axis(first)
        figure.supylabel("reflectance (0 to 1)", color=theme.MUTED, fontsize=11)
        entries = {
            "observed": Line2D([], [], color=theme.INK, linewidth=1.4),
            "predicted, clear date": _point(theme.BLUE, hollow=False),
            "predicted, cloudy date": _point(theme.VERMILION, hollow=True),
            "cloudy Sentinel-2 date": Line2D(
                [], [], color=theme.MUTED, marker="|", linestyle="none", markersize=9
            ),
        }
        theme.finish_legend(figure, entries, loc="outside lower center", ncols=4)
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Predicted and observed PlanetScope reflectance by day of year")


def set_month_axis(axes: Axes) -> None:
    """Marks the months on an axis of days: a line at each start, a letter in each middle."""
    axes.set_xlim(0, MAX_DAYS)
    axes.set_xticks(MONTH_STARTS, labels=[])
    axes.set_xticks([start + 15 for start in MONTH_STARTS], labels=list(MONTH_INITIALS), minor=True)


def _point(colour: str, *, hollow: bool) -> Line2D:
    return Line2D(
        [],
        [],
        color=colour,
        marker="o",
        markersize=4.5,
        linestyle="none",
        markerfacecolor="none" if hollow else colour,
        markeredgewidth=1.1 if hollow else 0,
    )


def _draw_series(axes: Axes, rows: pd.DataFrame) -> None:
    day = rows["day_of_year"].to_numpy()
    observed, predicted = rows["observed"].to_numpy(), rows["predicted"].to_numpy()
    valid = rows["valid"].to_numpy()
    cloudy = valid & (rows["cloud_probability"].to_numpy() >= CLOUDY)
    seen = np.isfinite(observed)
    axes.plot(day[seen], observed[seen], color=theme.INK, linewidth=1.2)
    for dates, colour, face in (
        (valid & ~cloudy, theme.BLUE, theme.BLUE),
        (cloudy, theme.VERMILION, "none"),
    ):
        axes.plot(
            day[dates],
            predicted[dates],
            linestyle="none",
            marker="o",
            markersize=3.6,
            color=colour,
            markerfacecolor=face,
            markeredgewidth=0.9 if face == "none" else 0,
        )
    axes.plot(
        day[cloudy],
        np.full(int(cloudy.sum()), 0.03),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="|",
        markersize=6,
        markeredgewidth=0.8,
        color=theme.MUTED,
    )
    axes.tick_params(axis="x", which="minor", length=0, labelsize=9)


def ordered_bands(names: pd.Series | Sequence[str]) -> list[str]:
    """Orders the bands of a table: PlanetScope's by wavelength, then all others by name."""
    present = {str(name) for name in names}
    known = [band for band in BAND_ORDER if band in present]
    return known + sorted(present - set(known))


def agreement(observed: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[float, float]:
    """Computes R2 and RMSE of predictions.

    Returns:
        R2 and RMSE; NaN where there are fewer than two points or no variance.

    Example:
        >>> agreement([0.0, 1.0, 2.0], [0.0, 1.0, 1.0])
        (0.5, 0.5773502691896257)
    """
    y = np.asarray(observed, dtype=np.float64)
    error = np.asarray(predicted, dtype=np.float64) - y
    if len(y) < 2:
        return float("nan"), float("nan")
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float((error**2).sum()) / spread if spread > 0 else float("nan")
    return r2, float(np.sqrt((error**2).mean()))


def reflectance_density(predictions: pd.DataFrame, *, mark: str) -> Markup:
    """Draws predicted against observed reflectance as a density, one panel per band."""
    rows = predictions[
        predictions["valid"]
        & np.isfinite(predictions["observed"])
        & np.isfinite(predictions["predicted"])
    ]
    bands = ordered_bands(predictions["band"])
    with theme.drawing():
        figure = theme.new_figure(290)
        grid: Any = figure.subplots(1, len(bands), squeeze=False)
        for axes, band in zip(grid[0], bands, strict=True):
            own = rows[rows["band"] == band]
            axes.set_title(theme.wording(band))
            if own.empty:
                _say_nothing_there(axes, "no pair")
                continue
            _draw_density(axes, own["observed"].to_numpy(), own["predicted"].to_numpy())
        grid[0][0].set_ylabel("predicted reflectance")
        theme.mark(figure, mark)
        return theme.to_svg(figure, "Density of predicted against observed reflectance by band")


def _draw_density(
    axes: Axes, observed: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]
) -> None:
    both = np.concatenate([observed, predicted])
    low, high = np.quantile(both, [0.001, 0.999])
    margin = max(0.03 * (high - low), 1e-4)
    low, high = low - margin, high + margin
    counts, _, _ = np.histogram2d(
        np.clip(observed, low, high),
        np.clip(predicted, low, high),
        bins=48,
        range=[[low, high], [low, high]],
    )
    # One colour whose opacity grows with the logarithm of the count reads on white and on black.
    strength = np.log1p(counts.T) / np.log1p(counts.max())
    image = np.zeros((*strength.shape, 4))
    image[..., :3] = (0.13, 0.50, 0.76)
    image[..., 3] = np.where(strength > 0, 0.12 + 0.88 * strength, 0.0)
    axes.imshow(image, origin="lower", extent=(low, high, low, high), aspect="equal")
    axes.axline((low, low), slope=1, color=theme.INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.locator_params(nbins=4)
    r2, rmse = agreement(observed, predicted)
    axes.text(
        0.04,
        0.97,
        f"R² {r2:.3f}\nRMSE {rmse:.4f}\nn {len(observed):,}".replace("-", "\N{MINUS SIGN}"),
        transform=axes.transAxes,
        va="top",
        fontsize=10,
        linespacing=1.4,
    )
    axes.set_xlabel("observed reflectance")
