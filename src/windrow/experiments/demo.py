"""The main job once, on a simulated place: train, classify, compare with plain methods, map.

The place is one that the shipped weights never saw. It is written as the files that a user has, and
goes through the same pipelines as a user's. All data of the demo are simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.features import band_features
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.config import Settings
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.cross_validation import BAND_TREES, BASELINES
from windrow.evaluation.metrics import confusion_matrix, scores
from windrow.experiments.demo_result import (
    RESULT,
    DemoResult,
    MethodScores,
    paired_gain,
)
from windrow.experiments.recipes.classifier import train_settings
from windrow.experiments.recipes.worlds import FARMLAND, windrow_1
from windrow.files import refuse_existing, write_json
from windrow.models.heads.inputs import HeadInputs
from windrow.pipelines.classify import classify
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.pipelines.run.progress import ProgressOf
from windrow.pipelines.train import TrainSettings, train
from windrow.simulation.generate import simulate_pixels
from windrow.simulation.worlds.scenario_worlds import (
    draw_scenario_place,
    generator_of_place,
    simulate_scenario_world,
)
from windrow.simulation.worlds.world import World
from windrow.sources.open_any import LabelledInput

FIRST_PLACE = 2_000_000
"""Number of the demo's place for seed 0. Training and validation take smaller numbers."""

_PIXELS_A_CALL = 1_024


class DemoSettings(Settings):
    """Settings of the demo."""

    place: int = Field(ge=FIRST_PLACE, description="number of the simulated place")
    num_labelled: int = Field(ge=1, description="labelled fields per class")
    min_fields: int = Field(ge=2, description="classes with fewer fields are left out")
    num_draws: int = Field(ge=2, description="draws of the labelled fields in the comparison")
    map_pixels: int = Field(ge=0, description="rows and columns of the map; 0 draws none")
    seed: int = Field(ge=0)
    training: TrainSettings


def demo_settings(*, seed: int = 0) -> DemoSettings:
    """Returns the settings of ``make demo``.

    Args:
        seed: seed of every random draw; another seed is another place.
    """
    return DemoSettings(
        place=FIRST_PLACE + seed,
        num_labelled=5,
        min_fields=8,
        num_draws=10,
        map_pixels=64,
        seed=seed,
        training=train_settings(seed=seed),
    )


def run_demo(
    out: str | Path, settings: DemoSettings, *, progress: ProgressOf, num_workers: int
) -> DemoResult:
    """Runs the demo into a folder, which must not exist.

    The folder then holds ``observations.parquet`` and ``fields.csv`` (what a user has),
    ``truth.csv`` (what a user does not have), ``classifier``, ``crops.csv``, ``cube.nc`` and
    ``map`` if a map is drawn, and ``demo.json``.

    Args:
        out: the folder.
        settings: see :func:`demo_settings`.
        progress: opens the progress display of each step.
        num_workers: number of processes that draw the map.

    Raises:
        OutputError: the folder exists already or cannot be written.
    """
    folder = Path(out)
    refuse_existing(folder)
    with progress("simulating", "parts") as advance:
        world = simulate_scenario_world(FARMLAND, windrow_1().world_seed, number=settings.place)
        series, crop, left_out = _fields(world, settings.min_fields)
        advance(1, 2 if settings.map_pixels else 1)
        folder.mkdir(parents=True)
        labelled = _draw(crop, settings, number=0)
        _write_inputs(folder, series, crop, labelled)
        if settings.map_pixels:
            _write_cube(folder / "cube.nc", settings)
            advance(2, 2)
    encoder = load_place_encoder()
    with progress("comparing", "draws") as advance:
        methods = _compare(series, crop, settings, encoder, advance)
    with progress("training", "folds") as advance:
        trained = train(
            LabelledInput(folder / "observations.parquet", folder / "fields.csv", "crop"),
            settings.training,
            out=folder / "classifier",
            simulated=True,
            on_progress=advance,
        )
    with progress("classifying", "fields") as advance:
        classify(
            folder / "observations.parquet",
            classifier=folder / "classifier",
            out=folder / "crops.csv",
            on_progress=advance,
        )
    if settings.map_pixels:
        with progress("mapping", "blocks") as advance:
            map_cube(
                MapRequest(folder / "cube.nc", classifier=folder / "classifier"),
                out=folder / "map",
                options=MapOptions(num_workers=num_workers),
                on_progress=advance,
            )
    best = max(
        (name for name in methods if name != "windrow"),
        key=lambda name: float(np.mean(methods[name].overall_accuracy)),
    )
    result = DemoResult(
        simulated=True,
        latitude=world.latitude,
        longitude=world.longitude,
        processing_level=world.level,
        num_fields={name: int((crop == name).sum()) for name in np.unique(crop).tolist()},
        left_out=left_out,
        num_labelled=settings.num_labelled,
        methods=methods,
        best_plain=best,
        gain=paired_gain(methods["windrow"].overall_accuracy, methods[best].overall_accuracy),
        gain_macro_f1=paired_gain(methods["windrow"].macro_f1, methods[best].macro_f1),
        expectation=trained.expectation,
        accuracy_of_the_rest=_accuracy(folder / "crops.csv", crop, labelled),
        has_map=settings.map_pixels > 0,
    )
    write_json(folder / RESULT, result.to_dict())
    return result


def _fields(world: World, min_fields: int) -> tuple[Series, npt.NDArray[np.str_], dict[str, int]]:
    """Selects the fields of classes that have enough, their crops, and what was left out."""
    names = np.array(world.crop_names)[world.crop]
    found, counts = np.unique(names, return_counts=True)
    kept = found[counts >= min_fields]
    if len(kept) < 2:
        raise DataError(
            "the simulated place has fewer than two frequent crops",
            found=", ".join(f"{n} {c}" for n, c in zip(found, counts, strict=True)),
            hint="take another seed",
        )
    rows = np.flatnonzero(np.isin(names, kept))
    left_out = {
        str(name): int(count)
        for name, count in zip(found, counts, strict=True)
        if count < min_fields
    }
    return world.series.select(rows), names[rows], left_out


def _draw(
    crop: npt.NDArray[np.str_], settings: DemoSettings, *, number: int
) -> npt.NDArray[np.intp]:
    """Draws the labelled fields: the same number in each class."""
    random = np.random.default_rng([settings.seed, settings.place, number])
    rows = [
        random.choice(np.flatnonzero(crop == name), settings.num_labelled, replace=False)
        for name in np.unique(crop)
    ]
    return np.sort(np.concatenate(rows))


def _write_inputs(
    folder: Path,
    series: Series,
    crop: npt.NDArray[np.str_],
    labelled: npt.NDArray[np.intp],
) -> None:
    """Writes the observations, the labels, and the truth apart."""
    rows, dates = np.nonzero(series.valid)
    observations = pd.DataFrame(
        {"field_id": series.field_id[rows], "date": series.dates[rows, dates].astype("M8[ns]")}
    )
    for index, band in enumerate(series.bands):
        observations[band] = series.reflectance[rows, dates, index]
    assert series.cloud_probability is not None
    observations["cloud_fraction"] = series.cloud_probability[rows, dates] / 255.0
    observations.attrs = {}
    observations.to_parquet(folder / "observations.parquet", index=False)
    shown = np.isin(np.arange(len(crop)), labelled)
    known = {"lon": series.longitude, "lat": series.latitude}
    table = pd.DataFrame({"field_id": series.field_id, "crop": np.where(shown, crop, ""), **known})
    table.to_csv(folder / "fields.csv", index=False)
    pd.DataFrame({"field_id": series.field_id, "crop": crop}).to_csv(
        folder / "truth.csv", index=False
    )


def _write_cube(path: Path, settings: DemoSettings) -> None:
    """Simulates the pixels of a landscape of the place and writes them as an image cube."""
    import xarray

    place = draw_scenario_place(
        FARMLAND, generator_of_place(windrow_1().world_seed, number=settings.place)
    )
    side = min(settings.map_pixels, place.scenario.landscape_m // 10)
    rows, columns = np.divmod(np.arange(side * side), side)
    parts = [
        simulate_pixels(
            place.scenario,
            seed=place.seed,
            landscape=0,
            rows=rows[start : start + _PIXELS_A_CALL],
            columns=columns[start : start + _PIXELS_A_CALL],
        )
        for start in range(0, side * side, _PIXELS_A_CALL)
    ]
    values = np.concatenate([part.reflectance for part in parts])
    clouds = np.concatenate([_clouds(part) for part in parts])
    label = np.concatenate([_labels(part) for part in parts])
    legend = np.array(parts[0].legend.names if parts[0].legend else [])
    axes = ("time", "y", "x")
    variables = {
        band: (axes, values[:, :, index].T.reshape(-1, side, side))
        for index, band in enumerate(parts[0].bands)
    }
    variables["cloud_percent"] = (axes, clouds.T.reshape(-1, side, side))
    dataset = xarray.Dataset(
        variables,
        coords={
            "time": parts[0].dates[0].astype("M8[ns]"),
            "y": 6_000_000.0 - 5 - 10 * np.arange(side),
            "x": 500_000.0 + 5 + 10 * np.arange(side),
        },
        attrs={"crs": "EPSG:32633", "title": "Sentinel-2 simulated by windrow, no real place"},
    )
    dataset["true_crop"] = (("y", "x"), legend[label].reshape(side, side))
    dataset.to_netcdf(path, engine="h5netcdf")


def _clouds(part: Series) -> npt.NDArray[np.uint8]:
    assert part.cloud_probability is not None
    return np.rint(part.cloud_probability / 2.55).astype(np.uint8)


def _labels(part: Series) -> npt.NDArray[np.int16]:
    assert part.label is not None
    return part.label


def _compare(
    series: Series,
    crop: npt.NDArray[np.str_],
    settings: DemoSettings,
    encoder: PlaceEncoder,
    on_progress: Callable[[int, int], None],
) -> dict[str, MethodScores]:
    """Scores the classifier and plain methods on the same draws of labelled fields."""
    classes = np.unique(crop)
    true = np.searchsorted(classes, crop)
    crops = {str(name): crops_of_class(str(name), encoder.crop_names) for name in classes}
    crops = {name: found for name, found in crops.items() if found}
    bands = band_features(series, settings.training.features).values
    found: dict[str, list[npt.NDArray[np.int64]]] = {}
    for number in range(settings.num_draws):
        rows = _draw(crop, settings, number=number)
        rest = np.setdiff1d(np.arange(len(crop)), rows)
        shown = set(rows.tolist())
        labels = [str(name) if row in shown else None for row, name in enumerate(crop)]
        classifier = MixedClassifier(
            encoder, settings.training.mix, seed=settings.seed + number
        ).fit(series, labels, crops=crops)
        own = series.select(rest)
        votes = classifier.votes(own)
        predicted = {"windrow": classifier.predict_proba(own).argmax(axis=1)}
        predicted |= {
            name: votes[voter].argmax(axis=1) for voter, name in BASELINES.items() if voter in votes
        }
        trees = fit_light_head(
            bands[rows],
            true[rows],
            num_classes=len(classes),
            settings=TreesSettings(kind="extra_trees", num_trees=300, min_rows_a_leaf=1),
            seed=settings.seed + number,
        ).to_model()
        predicted[BAND_TREES] = trees.predict_probability(HeadInputs(bands[rest])).argmax(axis=1)
        for name, values in predicted.items():
            counts = confusion_matrix(true[rest], values, num_classes=len(classes))
            found.setdefault(name, []).append(counts)
        on_progress(number + 1, settings.num_draws)
    return {
        name: MethodScores(
            overall_accuracy=tuple(scores(each).overall_accuracy for each in counts),
            macro_f1=tuple(scores(each).macro_f1 for each in counts),
        )
        for name, counts in found.items()
    }


def _accuracy(path: Path, crop: npt.NDArray[np.str_], labelled: npt.NDArray[np.intp]) -> float:
    """Computes the accuracy of the classified table on the fields without a label."""
    table = pd.read_csv(path)
    rest = np.setdiff1d(np.arange(len(crop)), labelled)
    return float((table["class"].to_numpy()[rest] == crop[rest]).mean())
