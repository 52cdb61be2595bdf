"""Names of bands: one dialect explains them all, or the user is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from windrow.errors import BandError
from windrow.sources.bands.dialects import DIALECTS, STAC, dialect_table
from windrow.sources.bands.other_sensors import refuse_landsat
from windrow.sources.bands.recognition import recognise_bands

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("one", DIALECTS, ids=lambda one: one.key)
def test_a_whole_dialect_is_recognised(one: object) -> None:
    assert isinstance(one, type(STAC))
    found = recognise_bands([*one.names, "ndvi"], where="table")
    assert found.bands == one.names
    assert found.left_out == ("ndvi",)


@pytest.mark.parametrize(
    ("names", "key", "bands"),
    [
        ("BLUE GREEN RED BROADNIR NIR", "FORCE", "B02 B03 B04 B08 B8A"),
        ("BLU GRN RED RE1 RE2 RE3 BNR NIR SW1 SW2", "FORCE",
         "B02 B03 B04 B05 B06 B07 B08 B8A B11 B12"),
        ("blue red nir nir08", "STAC", "B02 B04 B08 B8A"),
        ("red rededge071 nir08 swir16", "STAC", "B04 B05 B8A B11"),
        ("nbart_nir_1 nbart_swir_2 nbart_swir_3", "DEA", "B08 B11 B12"),
        ("nir_1 swir_1 swir_2", "DEAfrica", "B08 B11 B12"),
        ("nir redEdge4", "SEPAL", "B08 B8A"),
        ("red re1 nir nir2", "SEPAL", "B04 B05 B08 B8A"),
        ("S2-L2A-B02 S2-L2A-B8A", "Sentinel-2", "B02 B8A"),
        ("B02_10m B05_20m B01_60m B12_20m", "Sentinel-2", "B02 B05 B01 B12"),
        ("b2 B8a B12", "Sentinel-2", "B02 B8A B12"),
        ("mean_B02 mean_B8A", "Sentinel-2", "B02 B8A"),
        ("B2_median B8_median", "Sentinel-2", "B02 B08"),
        ("B1 B10 B11 B12 B2 B3 B4 B5 B6 B7 B8 B8A B9", "Sentinel-2",
         "B01 B10 B11 B12 B02 B03 B04 B05 B06 B07 B08 B8A B09"),
    ],
)  # fmt: skip
def test_dialects(names: str, key: str, bands: str) -> None:
    found = recognise_bands(names.split(), where="table")
    assert found.dialect == key
    assert list(found.bands.values()) == bands.split()


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("blue green red nir", r"nir is B08 \(STAC, SEPAL\) or B8A \(FORCE\).*--bands with one of"),
        ("blue red nir swir1 swir2", r"nir is B8A \(FORCE\) or B08 \(SEPAL\)"),
        ("red nir_1 swir_2", r"swir_2 is B12 \(DEAfrica\) or B11 \(DEA\)"),
        ("blue red rededge nir08", r"rededge is no name of STAC.*rededge may be B05, B06 or B07"),
        ("B02 B03 rededge1 nir B8A", r"rededge1, nir are no .*B05=rededge1 B08=nir B8A=B8A"),
        ("B02 B8A B12_mean", r"named in 2 ways.*--bands B02=B02 B8A=B8A B12=B12_mean"),
        ("B02_mean B02_median", r"named in 2 ways.*--bands B02=B02_mean"),
        ("B02_std B03_max", "statistics that are no reflectance"),
        ("B2 B02 B8A", "band B02 stands twice.*found B2 and B02"),
        ("B02 B13", "B13 is no name of Sentinel-2"),
        ("B1 B2 B3 B4 B5 B6 B7 B8 B9",
         "B1 to B9 count.*TimeSen2Crop: --bands B02=B1 B03=B2 .*B8A=B7 B11=B8 B12=B9"),
        ("B0 B1 B2 B3", "B0 to B3 count.*--bands B02=B0 B03=B1 B04=B2 B08=B3"),
        ("avg(band_0) avg(band_1)", r"count.*--bands B02='avg\(band_0\)'"),
        ("B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12", "B1 to B12 count"),
        ("B02 B03 B04 B05 B06 B07", "may be Sentinel-2's or Landsat's.*--bands Sentinel-2"),
        ("blue green red nir08 swir16 swir22", "Sentinel-2's or Landsat's.*--bands STAC"),
        ("SR_B2 SR_B3 SR_B4 SR_B5 SR_B6 SR_B7", "bands of Landsat.*red edge.*--bands B02=NAME"),
        ("blue green red nir08 qa_pixel", "these are bands of Landsat"),
        ("B02 B03 B04 B05 Fmask", "these are bands of HLS L30, which is Landsat"),
        ("HLSL30_020_B02 HLSL30_020_B05", "these are bands of HLS L30"),
    ],
)  # fmt: skip
def test_questions(names: str, text: str) -> None:
    with pytest.raises(BandError, match=text):
        recognise_bands(names.split(), where="table")


def test_hls_s30_is_said() -> None:
    found = recognise_bands(["B02", "B04", "B8A", "B12", "Fmask"], where="table")
    assert found.left_out == ("Fmask",)
    assert "HLS S30" in found.describe()
    refuse_landsat(["HLS.S30.T32UPU.2018131T101031.v2.0.B04.tif"], where="folder")
    for name in ("HLS.L30.T32UPU.2018131T101031.v2.0.B04.tif", "LC08_L2SP_193026_20180511_SR_B4"):
        with pytest.raises(BandError, match="this is of Landsat; in folder; found"):
            refuse_landsat([name], where="folder")


def test_a_spread_beside_a_mean_is_left_out() -> None:
    names = ["B02_mean", "B8A_mean", "B02_stDev", "B8A_stDev", "B02_percentiles_50", "NDVI_mean"]
    found = recognise_bands(names, where="table")
    assert found.bands == {"B02_mean": "B02", "B8A_mean": "B8A"}
    assert found.left_out == tuple(names[2:])
    assert found.describe() == "Sentinel-2 (B02 = B02_mean, B8A = B8A_mean); each with 'mean'"


def test_what_is_given_is_taken_as_given() -> None:
    names = ["SR_B2", "nir", "red"]
    found = recognise_bands(names, where="table", given=["B02=SR_B2", "b8a=nir"])
    assert found.bands == {"SR_B2": "B02", "nir": "B8A"}
    assert found.left_out == ("red",)
    assert found.describe() == "as given (B02 = SR_B2, B8A = nir)"
    for key, band in (("FORCE", "B8A"), ("stac", "B08")):
        assert recognise_bands(names, where="table", given=[key]).bands["nir"] == band
    counted = [f"B{number}" for number in range(1, 10)]
    named = recognise_bands(counted, where="table", given=["Sentinel-2"])
    assert named.bands["B8"] == "B08"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["B02=blue"], r"no column 'blue' of band B02; in table; found columns red, nir"),
        (["B02=red", "B03=red"], "column 'red' is given for two bands"),
        (["B02=red", "B2=nir"], "band B02 is given twice"),
        (["B99=red"], "unknown Sentinel-2 band 'B99'"),
        (["red", "nir"], "given as BAND=COLUMN"),
        (["esperanto"], "given as BAND=COLUMN, or all by the name of a dialect; found esperanto"),
        (["Sentinel-2"], "no column bears a name of the dialect Sentinel-2"),
    ],
)
def test_what_is_given_must_fit(given: list[str], text: str) -> None:
    with pytest.raises(BandError, match=text):
        recognise_bands(["red", "nir"], where="table", given=given)


def test_the_table_in_the_documents_is_that_of_the_registry() -> None:
    document = (ROOT / "docs" / "recognised.md").read_text(encoding="utf-8")
    assert dialect_table() in document, "run: python tools/write_recognised.py"
