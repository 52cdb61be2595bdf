"""The report of the demo: what five labelled fields per class gave on a simulated place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from windrow.data.map_folder import MapHeader, read_map_header
from windrow.errors import DataError
from windrow.experiments.demo_result import RESULT, DemoResult
from windrow.files import write_text
from windrow.reporting import theme
from windrow.reporting.page import REPORT_NAME, Drawing, KeyFigure, Section, render_page
from windrow.reporting.tables import Cell, Table, points, share

SUBTITLE = "The main job of windrow, once: few labels, a classifier, a table and a map."
_SIMULATED = ("all fields, clouds and images of the place",)


def is_demo(folder: Path) -> bool:
    """Checks whether a folder was written by ``windrow demo``."""
    return (folder / RESULT).is_file()


def write_demo_report(folder: str | Path) -> Path:
    """Writes ``report.html`` into the folder of a demo and returns its path.

    Raises:
        DataError: the folder is none of a demo, or its result is damaged.
        OutputError: the page cannot be written.
    """
    place = Path(folder)
    try:
        values = json.loads((place / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            "the result of the demo cannot be read", where=place / RESULT, found=str(error)[:120]
        ) from None
    result = DemoResult.from_dict(values, where=place / RESULT)
    path = place / REPORT_NAME
    write_text(path, _render(place, result))
    return path


def _render(folder: Path, result: DemoResult) -> str:
    windrow = result.methods["windrow"]
    best = result.methods[result.best_plain]
    num_draws = len(windrow.overall_accuracy)
    gain = result.gain
    interval = f"95 % interval {points(gain.low)} to {points(gain.high)}, {num_draws} draws"
    return render_page(
        name=theme.plain(folder.resolve().name, 80),
        subtitle=SUBTITLE,
        simulated=_SIMULATED,
        origin_known=True,
        key_figures=[
            KeyFigure(
                "Overall accuracy",
                f"{share(float(np.mean(windrow.overall_accuracy)))} %",
                f"{result.best_plain}: {share(float(np.mean(best.overall_accuracy)))} %",
            ),
            KeyFigure("Gain", f"{points(gain.mean)} points", interval),
            KeyFigure(
                "Labelled fields",
                f"{result.num_labelled} per class",
                f"{sum(result.num_fields.values())} fields of {len(result.num_fields)} classes",
            ),
        ],
        sections=[_comparison(result), *_map_sections(folder, result), _place(result)],
    )


def _comparison(result: DemoResult) -> Section:
    rows = []
    top = max(float(np.mean(each.overall_accuracy)) for each in result.methods.values())
    for name, each in result.methods.items():
        accuracy = float(np.mean(each.overall_accuracy))
        rows.append(
            (
                Cell(name),
                Cell(share(accuracy), strong=accuracy == top, number=True),
                Cell(share(float(np.mean(each.macro_f1))), number=True),
            )
        )
    expected = result.expectation.windrow.overall_accuracy
    return Section(
        "comparison",
        "Beside plain methods",
        intro=(
            f"In each of {len(result.methods['windrow'].overall_accuracy)} draws,"
            f" {result.num_labelled} fields per class are labelled, the same for all methods, and"
            " all other fields are classified. The best plain method was picked afterwards."
        ),
        tables=[
            Table(
                caption="Per cent, mean over the draws.",
                header=(
                    Cell("Method"),
                    Cell("Overall accuracy", number=True),
                    Cell("Macro F1", number=True),
                ),
                rows=tuple(rows),
            )
        ],
        notes=[
            "The draws share fields, so the interval of the gain is somewhat too narrow.",
            f"For the first draw 'windrow train' expected {share(expected)} % by cross-validation"
            f" among the labelled fields; {share(result.accuracy_of_the_rest)} % of the other"
            " fields of crops.csv are right.",
        ],
    )


def _place(result: DemoResult) -> Section:
    rows = [
        (Cell(name), Cell(str(number), number=True)) for name, number in result.num_fields.items()
    ]
    left_out = ", ".join(f"{name} ({number})" for name, number in result.left_out.items())
    notes = [f"Left out, with too few fields: {left_out}."] if left_out else []
    return Section(
        "place",
        "The place",
        intro=(
            f"A simulated place at {result.latitude:.1f} degrees north, product"
            f" {result.processing_level}. The shipped weights learned on other simulated places,"
            " none of which is this one."
        ),
        tables=[
            Table(
                "Fields of each class.", (Cell("Class"), Cell("Fields", number=True)), tuple(rows)
            )
        ],
        notes=notes,
    )


def _map_sections(folder: Path, result: DemoResult) -> list[Section]:
    if not result.has_map:
        return []
    import rasterio
    import xarray

    header = read_map_header(folder / "map")
    with rasterio.open(folder / "map" / header.layers["class"].file) as source:
        found = source.read(1)
    with rasterio.open(folder / "map" / header.layers["probability"].file) as source:
        probability = source.read(1)
    with xarray.open_dataset(folder / "cube.nc", engine="h5netcdf") as cube:
        truth = cube["true_crop"].values.astype(str)
    names = np.array(["", *header.class_names])
    known = np.isin(truth, header.class_names)
    right = float((names[found] == truth)[known].mean()) if known.any() else None
    return [
        Section(
            "map",
            "A map of a part of the place",
            intro=(
                f"{header.grid.height} x {header.grid.width} pixels of 10 m. Borders between fields"
                " are mixed pixels."
            ),
            drawings=[
                Drawing(
                    _map_figure(header, truth, found, probability),
                    f"The true crops, the map, and its probability. {share(right)} % of the pixels"
                    " of the mapped classes are right.",
                )
            ],
        )
    ]


def _map_figure(
    header: MapHeader,
    truth: npt.NDArray[np.str_],
    found: npt.NDArray[np.integer],
    probability: npt.NDArray[np.integer],
) -> Markup:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    values = np.zeros(truth.shape, dtype=np.int64)
    for each in header.classes:
        values[truth == each.name] = each.value
    colours = ["#9a9a9a", *(each.colour for each in header.classes)]
    palette = ListedColormap(colours)
    with theme.drawing():
        figure = theme.new_figure(330)
        axes = figure.subplots(1, 3)
        shown: Sequence[tuple[str, npt.NDArray[np.integer]]] = (
            ("True crop", values),
            ("Map", found),
        )
        for one, (title, layer) in zip(axes, shown, strict=False):
            one.imshow(layer, cmap=palette, vmin=-0.5, vmax=len(colours) - 0.5)
            one.set_title(title)
        axes[2].imshow(np.where(probability == 255, np.nan, probability), vmin=0, vmax=100)
        axes[2].set_title("Probability (dark is unsure)")
        for one in axes:
            one.set_axis_off()
        handles = [Patch(color=each.colour, label=each.name) for each in header.classes]
        handles.append(Patch(color=colours[0], label="other crop"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
        theme.mark(figure, "SIMULATED")
        return theme.to_svg(figure, "True crops, map and probability")
