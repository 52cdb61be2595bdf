"""Inputs of bug reports that were once read wrongly in silence: now right, or a question."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from windrow.data.series import Series, concatenate
from windrow.errors import DataError
from windrow.sources.reader import IngestOptions, ReadingSummary
from windrow.sources.registry import recognise

CASES = Path(
    os.environ.get("WINDROW_CASES", Path(__file__).resolve().parents[4].parent / "shared/cases")
)
pytestmark = [
    pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}"),
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]
CLEAR = 128


def read(number: str, name: str, **options: object) -> tuple[Series, ReadingSummary]:
    path = next(CASES.glob(f"{number}-*")) / name
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading.summary


def clear_share(series: Series) -> float:
    assert series.cloud_probability is not None
    return float((series.cloud_probability[series.valid] < CLEAR).mean())


def test_05_a_flag_of_stac_against_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("odc.stac")
    monkeypatch.chdir(next(CASES.glob("05-*")))
    path = Path("earthsearch.json")
    with pytest.raises(DataError, match="metadata and values contradict each other"):
        recognise(path).read(path, IngestOptions())
    reading = recognise(path).read(path, IngestOptions(baseline_offset="values"))
    series = concatenate(list(reading.parts))
    assert series.reflectance[series.valid].min() >= 0


@pytest.mark.parametrize("options", [{}, {"baseline_offset": -1000}])
def test_07_reprocessed_dates_before_2022(options: dict[str, int]) -> None:
    series, summary = read("07", "off_c1.csv", **options)
    darkest = {
        year: int(series.reflectance[series.year == year][series.valid[series.year == year]].min())
        for year in (2021, 2023)
    }
    assert darkest == {2021: 63, 2023: 79}
    assert summary.facts["baseline_offset"].startswith("-1000 on all 72 dates")


def test_08_the_baseline_of_a_folder() -> None:
    pytest.importorskip("rasterio")
    series, summary = read("08", "g_n0500")
    assert summary.facts["baseline_offset"] == "-1000 on all 8 dates, from metadata"
    assert series.reflectance[series.valid].min() < 100


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("t_cloud_percent.csv", 0.48),
        ("c_cloudpct.nc", 0.45),
        ("c_cloudpct_f.nc", 0.45),
        ("g_clp", 0.45),
    ],
)
def test_10_clouds_in_per_cent(name: str, share: float) -> None:
    for module in ("rasterio", "h5netcdf"):
        pytest.importorskip(module)
    series, summary = read("10", name)
    assert "cloud-percent" in summary.facts["cloud"]
    assert clear_share(series) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("name", "measure", "share"),
    [("t_scl.csv", "scl", 200), ("t_qa60.csv", "qa60", 211), ("t_bool.csv", "cloud-fraction", 211)],
)
def test_11_classes_bits_and_masks(name: str, measure: str, share: int) -> None:
    series, summary = read("11", name)
    assert f"({measure};" in summary.facts["cloud"]
    assert clear_share(series) == pytest.approx(share / 432)


def test_17_each_variable_has_its_own_packing() -> None:
    pytest.importorskip("h5netcdf")
    series, _ = read("17", "c_pack.nc")
    position = series.bands.index("B11")
    assert float(np.median(series.reflectance[..., position][series.valid])) == 3026
    with pytest.raises(DataError, match=r"mixed; .*B12 in 0\.\.1 and B11 x 10,000"):
        read("17", "c_mixed.nc")
