"""BreizhCrops: the band-order trap, protocols, classes, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from windrow.data.series import Series, concatenate
from windrow.errors import DataError, SettingsError, WindrowError
from windrow.sources.breizhcrops import reader as breizhcrops
from windrow.sources.breizhcrops.columns import ALPHABETICAL_L1C, L2A_DATE_FIRST, NUMERIC_L1C
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

h5py = pytest.importorskip("h5py")

CLASSES = [
    "barley",
    "wheat",
    "rapeseed",
    "corn",
    "sunflower",
    "orchards",
    "nuts",
    "permanent_meadows",
    "temporary_meadows",
]
CODES = ("ORH", "BTH", "CZH", "MIS", "TRN", "VRG", "NOX", "PPH", "PTR")
BAND_VALUE = dict(
    zip(
        ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"],
        (1300, 1100, 1000, 900, 1200, 2100, 2500, 2400, 2700, 800, 25, 1900, 1150),
        strict=True,
    )
)


def value(name: str, parcel: int, step: int) -> float:
    """A column's value: told apart by band, parcel and date."""
    if name == "doa":
        return float(
            np.datetime64("2017-01-03", "ns").astype(np.int64) + step * 20 * 86_400 * 10**9
        )
    if name == "QA60":
        return (0.0, 512.0, 2048.0)[step % 3]
    if name == "CLD":
        return (0.0, 0.25, 6.0)[step % 3]
    if name in ("QA10", "QA20", "EDG", "SAT"):
        return 0.0
    return BAND_VALUE[name] + 3.0 * parcel + step


def write_root(
    root: Path,
    *,
    level: str = "L1C",
    columns: tuple[str, ...] = ALPHABETICAL_L1C,
    regions: tuple[str, ...] = ("frh01", "frh02", "frh03", "frh04"),
    raw: bool = False,
) -> Path:
    """A small BreizhCrops in the layout of the original: nine parcels a region."""
    root.mkdir(exist_ok=True)
    rows = [(i, i, n, c) for i, (n, c) in enumerate(zip(CLASSES, CODES, strict=True))]
    rows.append((9, 1, "wheat", "BTP"))
    pd.DataFrame(rows, columns=["index", "id", "classname", "code"]).to_csv(
        root / "classmapping.csv", index=False
    )
    (root / "codes.csv").write_text("CODE_CULTU;Libelle Culture\nORH;Orge\n")
    folder = root / "2017" / level
    folder.mkdir(parents=True)
    for number, region in enumerate(regions):
        index, series = [], {}
        for parcel, code in enumerate((*CODES, "ZZZ")):
            name = 1000 * (number + 1) + parcel
            key = f"2017/{level}/{region}/csv/{name}.csv"
            steps = 3 + parcel % 2
            series[key] = np.array(
                [[value(c, name % 1000, s) for c in columns] for s in range(steps)]
            )
            index.append((parcel, code, key, 12.0, name, steps))
        quality = "meanQA60" if level == "L1C" else "meanCLD"
        head = ["idx", "CODE_CULTU", "path", quality, "id", "sequencelength"]
        pd.DataFrame(index, columns=head).to_csv(folder / f"{region}.csv", index=False)
        if raw:
            (folder / region / "csv").mkdir(parents=True)
            for key, values in series.items():
                frame = pd.DataFrame(values, columns=list(columns))
                frame["doa"] = pd.to_datetime(frame["doa"].astype("int64")).astype(str)
                frame["label"], frame["id"] = "ORH", Path(key).stem
                frame.to_csv(folder / region / "csv" / Path(key).name)
        else:
            with h5py.File(folder / f"{region}.h5", "w") as file:
                for key, values in series.items():
                    file.create_dataset(key, data=values)
    return root


def read(root: Path, **options: object) -> tuple[Series, Reading]:
    assert recognise(root).name == "BreizhCrops"
    reading = breizhcrops.read(root, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def expected(series: Series, row: int) -> list[list[int]]:
    parcel = int(series.id[row]) % 1000
    names = [f"B{int(b[1:])}" if b[1:].isdigit() else b for b in series.bands]
    steps = int(series.valid[row].sum())
    return [[round(value(name, parcel, step)) for name in names] for step in range(steps)]


@pytest.mark.parametrize(
    ("columns", "word"), [(ALPHABETICAL_L1C, "alphabetical"), (NUMERIC_L1C, "numeric")]
)
def test_bands_are_the_same_whatever_their_order(
    tmp_path: Path, columns: tuple[str, ...], word: str
) -> None:
    series, reading = read(write_root(tmp_path / "b", columns=columns))
    assert series.bands == (
        "B01",
        "B02",
        "B03",
        "B04",
        "B05",
        "B06",
        "B07",
        "B08",
        "B8A",
        "B09",
        "B11",
        "B12",
    )
    assert series.processing_level == "L1C"
    assert len(series) == 36
    for row in range(len(series)):
        assert series.reflectance[row][series.valid[row]].tolist() == expected(series, row)
    fact = reading.summary.facts["columns_of_frh01"]
    assert f"{word}: column {columns.index('B10') + 1} is the cirrus band B10" in fact
    assert "B10 (cirrus)" in reading.summary.facts["dropped_bands"]
    assert reading.summary.counts["parcels_of_codes_outside_the_class_mapping_left_out"] == 4
    assert reading.summary.facts["codes_left_out"] == "ZZZ (4)"


def test_dates_labels_clouds_and_regions(tmp_path: Path) -> None:
    series, reading = read(write_root(tmp_path / "b"))
    assert series.day_of_year[0, :3].tolist() == [2, 22, 42]
    assert set(series.year.tolist()) == {2017}
    assert series.legend is not None
    assert series.legend.names == tuple(CLASSES)
    assert series.label is not None
    assert series.label[:9].tolist() == list(range(9))
    assert series.cloud_probability is not None
    assert series.cloud_probability[0, :3].tolist() == [0, 128, 255]
    assert "QA60 / 1024" in reading.summary.facts["cloud"]
    assert reading.summary.facts["dates_of_frh01"] == "2017-01-03 to 2017-03-04, of a sample"
    table = reading.tables["parcels"]
    assert table["id"].tolist() == series.id.tolist()
    assert table["official"][[0, 9, 18, 27]].tolist() == ["train", "train", "train", "test"]
    assert table["region"][[0, 35]].tolist() == ["frh01", "frh04"]


def test_level_2a_is_a_subset_of_ten_bands(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b", level="L2A", columns=L2A_DATE_FIRST)
    series, reading = read(root)
    assert series.bands == ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    assert series.processing_level == "L2A"
    assert series.reflectance[3][series.valid[3]].tolist() == expected(series, 3)
    assert series.cloud_probability is not None
    assert series.cloud_probability[0, :3].tolist() == [0, 64, 255]
    assert "B01 and B09" in reading.summary.facts["missing_bands"]


def test_raw_csv_gives_the_same_series(tmp_path: Path) -> None:
    binary, _ = read(write_root(tmp_path / "h", regions=("frh01",)))
    text, reading = read(write_root(tmp_path / "c", regions=("frh01",), raw=True))
    assert np.array_equal(binary.reflectance, text.reflectance)
    assert np.array_equal(binary.day_of_year, text.day_of_year)
    assert np.array_equal(binary.cloud_probability, text.cloud_probability)  # type: ignore[arg-type]
    assert reading.summary.facts["regions"] == "frh01 (raw CSV)"


def test_protocols(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b")

    def regions(**options: object) -> set[int]:
        return set((read(root, **options)[0].id // 1000).tolist())

    assert regions(protocol="official", part="train") == {1, 2, 3}
    assert regions(protocol="official", part="test") == {4}
    assert regions(protocol="leave-one-region-out", tile="frh02", part="train") == {1, 3, 4}
    assert regions(protocol="leave-one-region-out", tile="frh02", part="test") == {2}
    assert regions(tile="frh03") == {3}


def test_the_papers_six_classes(tmp_path: Path) -> None:
    series, reading = read(write_root(tmp_path / "b", regions=("frh01",)), classes="paper")
    assert series.legend is not None
    assert series.legend.names == (*CLASSES[:4], *CLASSES[7:])
    assert reading.provenance["product"] == "BreizhCrops"
    assert (reading.provenance["year"], reading.provenance["regions"]) == (2017, ["frh01"])
    assert series.label is not None
    assert series.label.tolist() == [0, 1, 2, 3, 4, 5]
    assert reading.summary.counts["parcels_of_classes_outside_the_papers_six_left_out"] == 3


def test_a_given_order_overrides_and_the_doubt_is_said(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b", regions=("frh01",))
    series, reading = read(root, bands=list(NUMERIC_L1C))
    assert series.reflectance[0, 0, 1] == round(value("B10", 0, 0))
    assert "as given, but the data look alphabetical" in reading.summary.facts["columns_of_frh01"]


def test_a_level_or_the_root_may_be_given(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b", regions=("frh01",))
    write_root(root, level="L2A", columns=L2A_DATE_FIRST, regions=("frh01",))
    series, _ = read(root / "2017" / "L2A")
    assert series.processing_level == "L2A"
    with pytest.raises(SettingsError, match="several of processing-level; found L1C, L2A"):
        read(root)


def _no_index_code(root: Path) -> None:
    place = root / "2017/L1C/frh01.csv"
    pd.read_csv(place).drop(columns="CODE_CULTU").to_csv(place, index=False)


def _no_mapping_code(root: Path) -> None:
    place = root / "classmapping.csv"
    pd.read_csv(place).drop(columns="code").to_csv(place, index=False)


def _cut_short(root: Path) -> None:
    place = root / "2017/L1C/frh01.h5"
    place.write_bytes(place.read_bytes()[:2000])


def _missing_parcel(root: Path) -> None:
    with h5py.File(root / "2017/L1C/frh01.h5", "a") as file:
        del file["2017/L1C/frh01/csv/1004.csv"]


def _replace(root: Path, key: str, change: str) -> None:
    with h5py.File(root / "2017/L1C/frh01.h5", "a") as file:
        name = f"2017/L1C/frh01/csv/{key}.csv"
        values = file[name][()]
        del file[name]
        if change == "year":
            values[1, -1] += 400 * 86_400e9
        elif change == "columns":
            values = values[:, :-1]
        else:
            values[:, :13] = np.nan
        file.create_dataset(name, data=values)


def _no_series(root: Path) -> None:
    (root / "2017/L1C/frh01.h5").unlink()


def _dark_everywhere(root: Path) -> None:
    with h5py.File(root / "2017/L1C/frh01.h5", "a") as file:
        for name in list(file["2017/L1C/frh01/csv"]):
            file[f"2017/L1C/frh01/csv/{name}"][:, :13] = 500.0


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (_no_index_code, r"an index without crop codes; in .*frh01\.csv"),
        (_no_mapping_code, r"a class mapping without crop codes; in .*classmapping\.csv"),
        (_cut_short, r"the HDF5 file cannot be read; in .*frh01\.h5"),
        (_missing_parcel, r"a parcel of the index is missing; in .*frh01\.h5; .*1004\.csv"),
        (lambda r: _replace(r, "1005", "year"), r"outside the year; in .*1005\.csv; found 2018"),
        (lambda r: _replace(r, "1000", "columns"), r"different numbers of columns; .*16 and 17"),
        (_no_series, r"an index but no series; in .*frh01\.csv"),
        (_dark_everywhere, r"order of the bands cannot be told .*frh01\.h5.*--bands"),
    ],
)
def test_what_is_refused(tmp_path: Path, damage: object, text: str) -> None:
    root = write_root(tmp_path / "b", regions=("frh01",))
    assert callable(damage)
    damage(root)
    with pytest.raises(DataError, match=text):
        read(root)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"protocol": "mine", "part": "train"}, "unknown protocol; found mine"),
        ({"protocol": "official"}, "a protocol needs --part train or --part test"),
        ({"part": "train"}, "a part without a protocol"),
        ({"tile": "frh09"}, "region frh09 is missing"),
        ({"protocol": "official", "part": "test"}, "region frh04 is missing"),
        ({"bands": ["B1", "doa"]}, "does not fit; in .*found 2 names.*expected 17"),
        ({"year": 2018}, "nothing of --year 2018"),
        ({"scale": "dn"}, "--scale does not concern BreizhCrops"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, object], text: str) -> None:
    root = write_root(tmp_path / "b", regions=("frh01",))
    with pytest.raises(WindrowError, match=text):
        read(root, **options)


def test_belle_ile_is_left_out_beside_its_region(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b", regions=("frh04",))
    folder = root / "2017/L1C"
    shutil.copy(folder / "frh04.csv", folder / "belle-ile.csv")
    shutil.copy(folder / "frh04.h5", folder / "belle-ile.h5")
    series, reading = read(root)
    assert len(series) == 9
    assert "belle-ile" in reading.summary.facts["left_out"]


def test_dates_and_parcels_without_values_are_counted(tmp_path: Path) -> None:
    root = write_root(tmp_path / "b", regions=("frh01",))
    _replace(root, "1006", "empty")
    with h5py.File(root / "2017/L1C/frh01.h5", "a") as file:
        file["2017/L1C/frh01/csv/1002.csv"][1, 4] = -10_000
    series, reading = read(root)
    assert 1006 not in series.id.tolist()
    assert len(series) == 8
    assert series.valid[2, :3].tolist() == [True, False, True]
    assert reading.summary.counts["parcels_without_a_usable_date_left_out"] == 1
    assert reading.summary.facts["first_parcel_left_out"].endswith("1006.csv")
    assert reading.summary.counts["dates_without_a_value_in_every_band_made_invalid"] == 4
