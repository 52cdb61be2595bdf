"""Areas and accuracies of a map from a reference sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import MapHeader, read_map_header
from windrow.errors import DataError
from windrow.evaluation.area_estimation import AreaEstimates, estimate_areas
from windrow.files import check_output
from windrow.mapping.map_layers import ClassSizes, class_sizes, classes_at, row_areas
from windrow.pipelines.area_tables import write_area_tables
from windrow.sources.labels.reference_sample import (
    ReferenceSample,
    read_places,
    read_reference,
)
from windrow.sources.reader import ReadingSummary


@dataclass(frozen=True, eq=False)
class AreaResult:
    """What a reference sample says of a map.

    Attributes:
        classes: (K,) names: those of the map, then those that only the reference holds.
        mapped_area: (K,) square metres of each class in the map.
        estimates: areas in square metres, and accuracies.
        strata: (H,) names of the strata.
        lines: what was read and left out, for people.
        warnings: what may bias the result or widen its intervals.
    """

    classes: tuple[str, ...]
    mapped_area: npt.NDArray[np.float64]
    estimates: AreaEstimates
    strata: tuple[str, ...]
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def estimate_map_areas(
    folder: str | Path,
    reference: str | Path,
    *,
    label_column: str,
    out: str | Path | None = None,
    training: str | Path | None = None,
    layer: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> AreaResult:
    """Estimates the area of each class and the accuracy of a map.

    Args:
        folder: the map.
        reference: points or polygons with their true class. Columns ``stratum`` and
            ``stratum_area``, as ``windrow sample`` writes them, name the strata of the design.
            Without them the sample is post-stratified by the classes of the map.
        label_column: the column of classes of the reference.
        out: a folder to write tables into; None writes nothing.
        training: the labels that the map was trained with, to count samples that lie in them.
        layer: layer of the reference, where its file holds several.
        on_progress: called with the rows of the map done and wanted.

    Raises:
        DataError: the map or the reference is damaged, or no sample lies on the map.
        OutputError: the folder exists or cannot be written.
    """
    header = read_map_header(folder)
    inputs = [folder, reference, *([] if training is None else [training])]
    if out is not None:
        check_output(out, inputs=inputs)
    row_areas(header.grid, folder)  # refuses a map without a CRS before anything is read
    path = Path(reference)
    summary = ReadingSummary(path.name)
    sample = read_reference(
        path, label_column, crs=str(header.grid.crs), summary=summary, layer=layer
    )
    value, pixel = classes_at(folder, header, sample.x, sample.y)
    kept = _kept(sample, value, summary, path)
    warnings = _seen_in_training(header, sample, kept, path, training)
    shared = int(kept.sum()) - len(np.unique(pixel[kept]))
    if shared:
        warnings.append(f"{shared} samples lie in a pixel that another sample lies in")
    sizes = class_sizes(folder, header, on_progress=on_progress)
    classes, label = _classes(header, sample.label[kept])
    strata, stratum, areas = _strata(header, sample, sizes, value=value, kept=kept, path=path)
    found = estimate_areas(
        stratum,
        value[kept] - 1,
        label,
        stratum_area=areas,
        num_classes=len(classes),
        strata_are_classes=sample.stratum is None,
    )
    warnings += _about_strata(strata, areas, found, sample.stratum is not None)
    mapped_area = np.zeros(len(classes))
    mapped_area[: len(header.classes)] = sizes.area
    extra = classes[len(header.classes) :]
    if extra:
        warnings.append("classes of the reference that the map does not hold: " + ", ".join(extra))
    result = AreaResult(
        classes, mapped_area, found, strata, tuple(summary.lines()), tuple(warnings)
    )
    if out is not None:
        write_area_tables(out, classes=classes, mapped_area=mapped_area, found=found)
    return result


def _kept(
    sample: ReferenceSample, value: npt.NDArray[np.int64], summary: ReadingSummary, path: Path
) -> npt.NDArray[np.bool_]:
    empty, outside = sample.label == "", value < 0
    summary.count("samples_without_a_class_left_out", int(empty.sum()))
    summary.count("samples_outside_the_map_left_out", int((outside & ~empty).sum()))
    summary.count("samples_on_pixels_without_data_left_out", int(((value == 0) & ~empty).sum()))
    kept = ~empty & (value > 0)
    summary.count("samples_used", int(kept.sum()))
    if not kept.any():
        raise DataError(
            "no sample with a class lies on the map",
            where=path,
            found="; ".join(summary.lines()[1:]),
            hint="check the CRS, and that the class column is filled in",
        )
    return np.asarray(kept)


def _classes(
    header: MapHeader, labels: npt.NDArray[np.str_]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Returns all classes and the position of each label among them; case does not matter."""
    names = list(header.class_names)
    position = {name.strip().lower(): index for index, name in enumerate(names)}
    for label in sorted(set(labels.tolist())):
        if label.lower() not in position:
            position[label.lower()] = len(names)
            names.append(label)
    return tuple(names), np.array([position[each.lower()] for each in labels.tolist()])


def _strata(
    header: MapHeader,
    sample: ReferenceSample,
    sizes: ClassSizes,
    *,
    value: npt.NDArray[np.int64],
    kept: npt.NDArray[np.bool_],
    path: Path,
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns the names of the strata, the stratum of each kept sample, and their areas."""
    if sample.stratum is None:
        return header.class_names, value[kept] - 1, sizes.area
    names, first, position = np.unique(sample.stratum, return_index=True, return_inverse=True)
    if sample.stratum_area is not None:
        return tuple(names.tolist()), position[kept], sample.stratum_area[first]
    of_class = dict(zip(header.class_names, sizes.area.tolist(), strict=True))
    unknown = [name for name in names.tolist() if name not in of_class]
    if unknown:
        raise DataError(
            "the areas of the strata are not known",
            where=path,
            found="stratum " + ", ".join(unknown[:5]),
            expected="a column 'stratum_area' in square metres, or strata named as the classes",
        )
    position = np.array([header.class_names.index(each) for each in sample.stratum.tolist()])
    return header.class_names, position[kept], sizes.area


def _about_strata(
    strata: tuple[str, ...],
    areas: npt.NDArray[np.float64],
    found: AreaEstimates,
    designed: bool,
) -> list[str]:
    lines = []
    if not designed:
        lines.append(
            "the file names no strata: it is taken for a simple random sample of the map;"
            " samples of convenience give biased areas and accuracies"
        )
    for name, area, number in zip(strata, areas, found.num_samples, strict=True):
        if number == 0 and area > 0:
            lines.append(
                f"stratum {name} has no sample: its {area / 1e4:,.1f} ha are left out of all"
            )
        if number == 1:
            lines.append(
                f"stratum {name} has one sample: the largest possible variance is taken for it"
            )
    if found.overall.standard_error == 0:
        lines.append("every stratum is all right or all wrong: an interval of no width hides this")
    return lines


def _seen_in_training(
    header: MapHeader,
    sample: ReferenceSample,
    kept: npt.NDArray[np.bool_],
    path: Path,
    training: str | Path | None,
) -> list[str]:
    """Returns warnings where samples were used for training too."""
    lines = []
    if path.name in header.labels:
        lines.append(f"the map was trained with {path.name}: accuracies are too high")
    if training is None:
        return lines
    import shapely
    from shapely import STRtree

    places = read_places(Path(training)).geometry.to_crs(header.grid.crs)
    places = places[~(places.isna() | places.is_empty)].to_numpy()
    a, b, _, d, e, _ = header.grid.transform
    points = shapely.points(sample.x[kept], sample.y[kept])
    reach = float(np.hypot(a + b, d + e) / 2)
    near = STRtree(places).query(points, predicate="dwithin", distance=reach)[0]
    number = len(np.unique(near))
    if number:
        lines.append(
            f"{number} samples lie within half a pixel of the labels for training: accuracies are"
            " too high"
        )
    return lines
