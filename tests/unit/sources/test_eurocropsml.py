"""EuroCropsML: parcels, k-shot splits as columns, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from windrow.classifiers.crop_codes import name_codes
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, WindrowError
from windrow.sources import eurocropsml
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

CODES = (3301010100, 3301010200, 3306040000)
BANDS = np.array([1300, 1100, 1000, 400, 1200, 2100, 2500, 2400, 2700, 800, 25, 1900, 1150.0])


def name(parcel: int) -> str:
    region = "EE001" if parcel < 4 else "LV003"
    return f"{region}_{100 + parcel}_{CODES[parcel % 3]}.npz"


def write_root(root: Path, *, year: int = 2021, shift: float = 0.0) -> Path:
    """Six parcels and splits in the layout of the published archive."""
    folder = root / "preprocess"
    folder.mkdir(parents=True)
    for parcel in range(6):
        steps = 3 + parcel % 2
        data = BANDS + shift + np.arange(steps)[:, None] + 10 * parcel
        dates = np.array([f"{year}-0{2 + step}-11" for step in range(steps)], dtype="M8[D]")
        np.savez(folder / name(parcel), data=data, dates=dates, center=[25.5 + parcel, 58.25])
    finetune = root / "split/latvia_vs_estonia/finetune"
    finetune.mkdir(parents=True)
    for k, train in (("1", [0]), ("5", [0, 1]), ("all", [0, 1, 2])):
        split = {"train": [name(p) for p in train], "val": [name(3)], "test": [name(4), name(5)]}
        (finetune / f"region_split_{k}.json").write_text(json.dumps(split))
    meta = root / "split/latvia_vs_estonia/meta"
    meta.mkdir()
    nested = {"train": {"EE001": {str(CODES[0]): [name(0), "EE001_999_1.npz"]}}, "val": {}}
    (meta / "region_split.json").write_text(json.dumps(nested))
    return root


def read(root: Path, **options: object) -> tuple[Series, Reading]:
    assert recognise(root).name == "EuroCropsML"
    reading = eurocropsml.read(root, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def test_reads_every_value(tmp_path: Path) -> None:
    series, reading = read(write_root(tmp_path))
    assert series.id.tolist() == [f"{name(p)[:5]}_{100 + p}" for p in range(6)]
    assert series.bands == tuple(b for b in eurocropsml.BANDS if b != "B10")
    assert series.processing_level == "L1C"
    expected = [1322, 1122, 1022, 422, 1222, 2122, 2522, 2422, 2722, 822, 1922, 1172]
    assert series.reflectance[2, 2].tolist() == expected
    assert series.day_of_year[0, :3].tolist() == [41, 69, 100]
    assert series.valid.sum(axis=1).tolist() == [3, 4, 3, 4, 3, 4]
    assert series.longitude is not None
    assert series.latitude is not None
    assert (series.longitude[1], series.latitude[1]) == (26.5, 58.25)
    assert series.legend is not None
    assert series.legend.codes == tuple(str(code) for code in CODES)
    assert series.label is not None
    assert series.label.tolist() == [0, 1, 2, 0, 1, 2]
    assert series.cloud_probability is None
    assert reading.summary.facts["dates"] == "2021-02-11 to 2021-05-11, at most 4 a parcel"
    assert "B10 the darkest" in reading.summary.facts["band_order"]
    assert reading.summary.counts["parcels_named_in_splits_but_not_read"] == 1


def test_splits_become_columns(tmp_path: Path) -> None:
    _, reading = read(write_root(tmp_path))
    table = reading.tables["parcels"]
    prefix = "latvia_vs_estonia.finetune.region_split_"
    assert table[prefix + "1"].tolist() == ["train", "", "", "val", "test", "test"]
    assert table[prefix + "all"].tolist() == ["train"] * 3 + ["val", "test", "test"]
    assert table["latvia_vs_estonia.meta.region_split"].tolist() == ["train", "", "", "", "", ""]
    assert table["nuts3"].tolist() == ["EE001"] * 4 + ["LV003"] * 2


def test_a_part_of_a_split_or_a_region_alone(tmp_path: Path) -> None:
    root = write_root(tmp_path)
    series, reading = read(root, protocol="latvia_vs_estonia/finetune/region_split_5", part="train")
    assert series.id.tolist() == ["EE001_100", "EE001_101"]
    assert reading.tables["parcels"]["id"].tolist() == series.id.tolist()
    assert read(root, tile="LV")[0].id.tolist() == ["LV003_104", "LV003_105"]


def test_the_offset_of_2022_is_taken_off(tmp_path: Path) -> None:
    plain, _ = read(write_root(tmp_path / "a", year=2022))
    shifted, reading = read(write_root(tmp_path / "b", year=2022, shift=1000))
    assert np.array_equal(plain.reflectance, shifted.reflectance)
    assert reading.summary.facts["baseline_offset"].startswith("-1000 on all 4 dates, detected")


def test_a_legend_names_the_codes(tmp_path: Path) -> None:
    root = write_root(tmp_path / "r")
    legend = tmp_path / "legend.csv"
    legend.write_text("code;name\n3301010100;winter wheat\n3301010200;rye\n3306040000;rape\n")
    series, _ = read(root, legend=legend)
    assert series.legend is not None
    assert series.legend.names == ("winter wheat", "rye", "rape")
    legend.write_text("code,name\n3301010100,cereals\n3301010200,cereals\n3306040000,rape\n")
    series, reading = read(root, legend=legend)
    assert series.label is not None
    assert series.label.tolist() == [0, 0, 1, 0, 0, 1]
    assert reading.summary.counts["crop_codes_joined_with_another_of_the_same_name"] == 1
    legend.write_text("code,name\n3301010100,winter wheat\n")
    with pytest.raises(DataError, match=r"unknown crop code 3301010200; in .*preprocess"):
        read(root, legend=legend)


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, ("/nonexistent",))


def _pickled(place: Path) -> None:
    objects = np.array([_Hostile()], dtype=object)
    np.savez(place, data=objects, dates=objects, center=objects)


def _bare_pickle(place: Path) -> None:
    place.write_bytes(pickle.dumps({"data": 1}))


def _short(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:100])


def _bands(place: Path) -> None:
    np.savez(place, data=np.ones((3, 12)), dates=np.arange(3).astype("M8[D]"), center=[0, 0])


def _year(place: Path) -> None:
    dates = np.array(["2021-01-01", "2022-01-01"], dtype="M8[D]")
    np.savez(place, data=np.ones((2, 13)), dates=dates, center=[0, 0])


def _no_dates(place: Path) -> None:
    np.savez(place, data=np.ones((2, 13)), center=[0, 0])


def _numbers(place: Path) -> None:
    np.savez(place, data=np.ones((2, 13)), dates=np.array([1.0, 2.0]), center=[0, 0])


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (_pickled, "holds Python objects, which are never loaded"),
        (_bare_pickle, "holds Python objects, which are never loaded"),
        (_short, "damaged or cut short"),
        (_bands, r"another number of bands or dates; .*; found data \(3, 12\), 3 dates"),
        (_year, "a date lies outside the year"),
        (_no_dates, "no array 'dates'"),
        (_numbers, "dates are no dates"),
    ],
)
def test_a_damaged_parcel_is_named(tmp_path: Path, damage: object, text: str) -> None:
    root = write_root(tmp_path)
    assert callable(damage)
    damage(root / "preprocess" / name(2))
    with pytest.raises(DataError, match=text) as caught:
        read(root)
    assert name(2) in str(caught.value)


def test_what_is_refused(tmp_path: Path) -> None:
    root = write_root(tmp_path)
    with pytest.raises(WindrowError, match="no split mine; found latvia"):
        read(root, protocol="mine")
    with pytest.raises(WindrowError, match="a part without a protocol"):
        read(root, part="train")
    place = root / "split/latvia_vs_estonia/finetune/region_split_1.json"
    place.write_text(json.dumps({"train": [name(0)], "test": [name(0)]}))
    with pytest.raises(DataError, match=r"two parts of a split; in .*region_split_1\.json"):
        read(root)
    place.write_text("{")
    with pytest.raises(DataError, match=r"a split cannot be read; in .*region_split_1\.json"):
        read(root)


def test_another_band_order_is_seen(tmp_path: Path) -> None:
    root = write_root(tmp_path)
    for place in (root / "preprocess").glob("*.npz"):
        with np.load(place) as file:
            arrays = dict(file)
        order = np.argsort([f"B{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, "8A", 9, 10, 11, 12)])
        np.savez(place, **{**arrays, "data": arrays["data"][:, order]})
    with pytest.raises(DataError, match=r"in another order; .*darkest in column 2"):
        read(root)


def test_twelve_months_over_new_year(tmp_path: Path) -> None:
    """Dates from November 2020 on lie in the season that begins in October 2020."""
    root = write_root(tmp_path)
    for path in (root / "preprocess").glob("*.npz"):
        with np.load(path) as stored:
            data, centre = stored["data"], stored["center"]
        dates = np.array(["2020-11-01", "2021-01-05", "2021-09-30", "2021-10-01"], dtype="M8[D]")
        rows = [0, 1, 2, 2]
        np.savez(path, data=data[rows], dates=dates, center=centre)
    series, reading = read(root, season_start="10-01", year=2020)
    assert series.season_start == "10-01"
    assert series.year.tolist() == [2020] * 6
    assert series.day_of_year[0, series.valid[0]].tolist() == [31, 96, 364]
    assert series.dates[0, :3].astype(str).tolist() == ["2020-11-01", "2021-01-05", "2021-09-30"]
    assert series.reflectance[2, 1].tolist()[:2] == [1321, 1121]
    assert reading.summary.counts["dates_of_other_years_left_out"] == 6
    with pytest.raises(DataError, match=r"dates of the twelve months from 2020-10-01"):
        read(root, season_start="10-01")
    with pytest.raises(DataError, match=r"found .*18 from 2020-10-01, 6 from 2021-10-01"):
        read(root, season_start="10-01", year=2030)


def test_its_label_columns_are_recognised(tmp_path: Path) -> None:
    series, _ = read(write_root(tmp_path))
    assert series.label is not None
    assert series.legend is not None
    column = [series.legend.names[label] for label in series.label]
    named = name_codes(column)
    assert named.legend == "EuroCrops (HCAT3)"
    assert named.labels[:3] == ["common soft wheat", "durum hard wheat", "3306040000"]
    assert named.crops["durum hard wheat"] == ("durum wheat",)
