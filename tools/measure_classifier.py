"""Measures the crop classifier and plain forests on half A of real fields and on simulated places.

    python tools/measure_classifier.py WEIGHTS --data FOLDER [--worlds FOLDER] [--draws 6]

k fields a class are drawn from half A and the rest of half A is classified; labels of half B are
never read. Simulated places are those of the folder that the training did not see. Every voter's
log-probabilities are written beside the table, so that a mix can be chosen without fitting anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.numpy import save_file

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder, load_place_encoder
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.data.place_fields import PlaceFields, read_place_fields
from windrow.data.series import Series
from windrow.evaluation.metrics import confusion_matrix, scores
from windrow.experiments.recipes.classifier import mix
from windrow.experiments.recipes.worlds import windrow_1
from windrow.pipelines.world_cache import FIRST_SCENARIO_WORLD, FIRST_VALIDATION_WORLD
from windrow.sensors import SENTINEL2_BANDS

LEAST_FIELDS = 4
"""Fields of half A that a class must have."""

LABELS = (0, 1, 2, 5, 10, 20)
FORESTS = ("embedding_trees", "four_index_trees", "band_index_trees", "band_trees")

CROPS = {
    "Wheat": ("winter wheat", "spelt"),
    "Barley": ("winter barley", "spring barley"),
    "Corn": ("silage maize", "grain maize"),
    "Oil Seeds": ("winter rapeseed",),
    "Meadows": ("mown meadow", "pasture"),
    "Forage Crops": ("clover grass", "alfalfa", "arable grass"),
    "grasslands": ("mown meadow", "pasture"),
    "maize": ("silage maize", "grain maize"),
    "wheat": ("winter wheat",),
    "sunflower": ("sunflower",),
    "rapeseed_rape": ("winter rapeseed",),
    "soy_soybeans": ("soybean",),
    "grapes": ("vineyard",),
    "barley": ("winter barley", "spring barley"),
    "permanent_crops": ("orchard", "nuts"),
    "cereals": ("winter rye", "oats", "triticale", "spelt"),
    "dry_pulses_legumes": ("pea", "faba bean", "lentil"),
    "Maize": ("grain maize", "maize with beans"),
    "Fallowland": ("fallow", "weedy fallow"),
    "Cassava": ("cassava",),
    "Millet": ("finger millet", "pearl millet"),
    "Groundnut": ("groundnut",),
}
"""Crops of the table in each class of the real fields; ``other`` holds unknown ones."""


@dataclass(frozen=True, eq=False)
class Fields:
    """Fields of a place with a name for each class; None where a field has none."""

    name: str
    series: Series
    label: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    crops: dict[str, tuple[str, ...]]


def real_places(folder: Path) -> Iterator[Fields]:
    """Half A of the real fields, each product a place."""
    for name, table, column, first_day in (
        ("bavaria2018", "observations", "crop_group", None),
        ("bavaria2018", "observations_l1c", "crop_group", None),
        ("france2023", "observations", "crop", "2022-10-01"),
        ("kenya2019", "observations", "crop", None),
        ("kenya2019", "observations_l1c", "crop", None),
    ):
        path = folder / name
        if (path / f"{table}.parquet").is_file():
            yield _real_place(path, table, column, first_day)


def _real_place(path: Path, table: str, column: str, first_day: str | None) -> Fields:
    fields = pd.read_csv(path / "fields.csv")
    fields = fields[fields["half"] == "A"].set_index("field_id")
    rows = pd.read_parquet(path / f"{table}.parquet")
    rows = rows[rows["field_id"].isin(fields.index)].copy()
    rows["date"] = pd.to_datetime(rows["date"])
    first = pd.Timestamp(first_day or "2018-01-01")
    if first_day is not None:
        rows = rows[(rows["date"] >= first) & (rows["date"] < first + pd.DateOffset(years=1))]
        rows["day"] = (rows["date"] - first).dt.days
    else:
        rows["day"] = rows["date"].dt.day_of_year - 1
    rows = rows.sort_values(["field_id", "day"])
    ids = np.unique(rows["field_id"].to_numpy())
    field = np.searchsorted(ids, rows["field_id"].to_numpy())
    date = np.arange(len(rows)) - np.searchsorted(field, field)
    shape = (len(ids), int(date.max()) + 1)
    bands = tuple(band for band in SENTINEL2_BANDS if band in rows.columns)
    reflectance = np.zeros((*shape, len(bands)), dtype=np.int16)
    reflectance[field, date] = np.clip(rows[list(bands)].to_numpy(), -2_000, 32_767)
    days, valid = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.bool_)
    days[field, date], valid[field, date] = rows["day"].to_numpy(), True
    cloud = None
    if "cloud_fraction" in rows:
        cloud = np.zeros(shape, dtype=np.uint8)
        share = rows["cloud_fraction"].to_numpy()
        cloud[field, date] = np.minimum(255, np.floor(256 * share))
    series = Series(
        reflectance=reflectance,
        day_of_year=days,
        valid=valid,
        bands=bands,
        processing_level="L1C" if "l1c" in table else "L2A",
        id=ids,
        field_id=ids,
        year=np.full(len(ids), first.year, dtype=np.int16),
        cloud_probability=cloud,
        season_start=f"{first:%m-%d}",
        longitude=fields.loc[ids, "lon"].to_numpy(np.float64),
        latitude=fields.loc[ids, "lat"].to_numpy(np.float64),
    )
    names = fields.loc[ids, column].fillna("").astype(str)
    counts = names[names != ""].value_counts()
    kept = [name for name in counts.index if counts[name] >= LEAST_FIELDS and name != "Other"]
    label = np.array([kept.index(name) if name in kept else -1 for name in names])
    crops = {name: CROPS[name] for name in kept if name in CROPS}
    return Fields(f"{path.name} {series.processing_level}", series, label, tuple(kept), crops)


def simulated_places(folder: Path, num: int) -> Iterator[Fields]:
    """Places that the training did not see, in halves of the Earth and of farmland."""
    numbers = [FIRST_VALIDATION_WORLD + k for k in range(num // 2)]
    first = FIRST_SCENARIO_WORLD + FIRST_VALIDATION_WORLD
    for number in (*numbers, *(first + k for k in range(num - num // 2))):
        place = read_place_fields(folder / f"world-{number:06d}.safetensors")
        fields = fields_of_place(place, number=number)
        if fields is not None:
            yield fields


def fields_of_place(place: PlaceFields, *, number: int) -> Fields | None:
    """Fields of up to eight crops of a simulated place; None where it has fewer than two crops.

    Args:
        place: the simulated fields.
        number: number of the place, which determines the crops.
    """
    recipe = windrow_1()
    draw = np.random.default_rng([8, number])
    counts = np.bincount(place.crop, minlength=len(place.crop_names))
    crops = draw.permutation(np.flatnonzero(counts >= LEAST_FIELDS))[:8]
    if len(crops) < 2:
        return None
    label = np.full(len(place), -1)
    for position, crop in enumerate(crops):
        label[place.crop == crop] = position
    names = tuple(place.crop_names[crop] for crop in crops)
    kind = "farmland" if number >= FIRST_SCENARIO_WORLD else "earth"
    # Days of places are counted as in the north: a mirrored latitude keeps them so.
    latitude = np.full(len(place), abs(place.latitude))
    order = np.argsort(place.day_of_year, axis=1, kind="stable")
    series = Series(
        reflectance=np.take_along_axis(place.reflectance, order[..., None], axis=1),
        day_of_year=np.sort(place.day_of_year, axis=1),
        valid=np.take_along_axis(place.clear, order, axis=1),
        bands=SENTINEL2_BANDS,
        processing_level=place.level,
        id=np.arange(len(place)),
        field_id=np.arange(len(place)),
        year=np.full(len(place), 2018, dtype=np.int16),
        longitude=np.zeros(len(place)),
        latitude=latitude,
        simulated=True,
    )
    known: dict[str, tuple[str, ...]] = {
        str(name): (str(name),) for name in names if name not in recipe.held_out_crops
    }
    return Fields(f"simulated {kind}", series, label, names, known)


def votes_of(
    encoder: PlaceEncoder,
    fields: Fields,
    support: npt.NDArray[np.intp],
    *,
    num_trees: int,
    seed: int,
) -> dict[str, npt.NDArray[np.float64]]:
    """Log-probabilities of all voters, of the mix, and the true classes, of unlabelled fields."""
    settings = mix().model_copy(update={"num_trees": num_trees})
    told: list[str | None] = [None] * len(fields.label)
    for index in support:
        told[index] = fields.classes[fields.label[index]]
    known = {
        name: tuple(crop for crop in crops if crop in encoder.crop_names)
        for name, crops in fields.crops.items()
    }
    classifier = MixedClassifier(encoder, settings, seed=seed).fit(
        fields.series, told, crops={name: crops for name, crops in known.items() if crops},
    )  # fmt: skip
    order = [
        classifier.classes.index(name) for name in fields.classes if name in classifier.classes
    ]
    asked = np.setdiff1d(np.flatnonzero(fields.label >= 0), support)
    if len(order) < len(fields.classes):  # without labels, only classes of known crops
        kept = [k for k, name in enumerate(fields.classes) if name in classifier.classes]
        asked = asked[np.isin(fields.label[asked], kept)]
        truth = np.searchsorted(kept, fields.label[asked])
    else:
        truth = fields.label[asked]
    grid = classifier.fitted.grid
    found = {"mix": np.log(classifier.classify_grid(grid.select(asked))[0])[:, order]}
    for voter, votes in classifier.log_votes(grid.select(asked)).items():
        found[voter] = votes[:, order]
    if len(support):
        bands = grid.reflectance[:, :, grid.has_band].reshape(len(grid), -1)
        trees = TreesSettings(kind="extra_trees", num_trees=settings.num_trees, min_rows_a_leaf=1)
        plain = fit_light_head(
            bands[support], fields.label[support], num_classes=len(order), settings=trees, seed=seed
        ).predict_probability(bands[asked])
        found["band_trees"] = np.log(0.98 * plain + 0.02 / len(order))
    return {**found, "truth": truth.astype(np.float64),
            "prior_scale": np.array([classifier.prior_scale])}  # fmt: skip


def draw_support(label: npt.NDArray[np.int64], k: int, draw: int) -> npt.NDArray[np.intp]:
    """Up to k fields of each class, at most half of it."""
    generator = np.random.default_rng([5, draw])
    chosen = []
    for position in range(int(label.max()) + 1):
        members = generator.permutation(np.flatnonzero(label == position))
        chosen.append(members[: min(k, len(members) // 2)])
    return np.concatenate(chosen).astype(np.intp)


def main() -> None:
    """Prints tables of overall accuracy and macro F1, and writes all votes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--worlds", type=Path)
    parser.add_argument("--num-worlds", type=int, default=24)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--num-trees", type=int, default=mix().num_trees)
    parser.add_argument("--out", type=Path, default=Path("votes.safetensors"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_place_encoder(options.weights)
    votes: dict[str, npt.NDArray[np.float64]] = {}
    accuracy: dict[tuple[str, int], dict[str, list[float]]] = {}
    macro_f1: dict[tuple[str, int], dict[str, list[float]]] = {}
    places = list(real_places(options.data))
    if options.worlds is not None:
        places += list(simulated_places(options.worlds, options.num_worlds))
    for number, fields in enumerate(places):
        num_draws = 1 if fields.series.simulated else options.draws
        for k in LABELS:
            if k == 0 and len(fields.crops) < 2:
                continue
            for draw in range(num_draws if k else 1):
                support = draw_support(fields.label, k, draw)
                found = votes_of(encoder, fields, support, num_trees=options.num_trees, seed=draw)
                for name, values in found.items():
                    votes[f"{fields.name}|{number}|{k}|{draw}|{name}"] = values
                    if name in ("truth", "prior_scale"):
                        continue
                    counts = confusion_matrix(
                        found["truth"].astype(np.int64),
                        values.argmax(axis=1),
                        num_classes=values.shape[1],
                    )
                    figures = scores(counts)
                    for table, figure in (
                        (accuracy, figures.overall_accuracy),
                        (macro_f1, figures.macro_f1),
                    ):
                        by_voter = table.setdefault((fields.name, k), {})
                        by_voter.setdefault(name, []).append(float(figure))
        print(f"{number + 1} of {len(places)} places", file=sys.stderr, flush=True)
    save_file({name: np.ascontiguousarray(x) for name, x in votes.items()}, options.out)
    for title, found_by in (("overall accuracy", accuracy), ("macro F1", macro_f1)):
        shown = pd.DataFrame(
            {
                key: {name: np.mean(rows) for name, rows in by.items()}
                for key, by in found_by.items()
            }
        ).T
        print(title)
        print(shown.round(3).to_string())


if __name__ == "__main__":
    main()
