"""Weights that read any subset of bands: a missing band is told from an average one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from series_factory import make_series
from weights_factory import make_weights
from windrow.data.series import Series
from windrow.errors import BandError, WeightsError
from windrow.experiments.recipes.pretraining import any_bands, tiny
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.models.weights import read_weights
from windrow.pipelines.embed import embed_to_parquet
from windrow.pipelines.export import export_onnx
from windrow.sensors import SENTINEL2_BANDS

TEN = tuple(band for band in SENTINEL2_BANDS if band not in ("B01", "B09"))


@pytest.fixture(scope="module")
def series() -> Series:
    return make_series(6)


@pytest.fixture(scope="module")
def folder(series: Series, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_weights(
        tmp_path_factory.mktemp("any") / "run", series, min_bands=3, missing_bands=True
    )


@pytest.fixture(scope="module")
def encoder(folder: Path) -> FrozenEncoder:
    return load(folder)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(SENTINEL2_BANDS), min_size=3, max_size=11, unique=True))
def test_how_missing_bands_are_filled_changes_nothing(
    series: Series, encoder: FrozenEncoder, bands: list[str]
) -> None:
    z = encoder.sequence(series.with_bands(bands))
    module = encoder.trainable(series.with_bands(bands))
    inputs = encoder.inputs(series.with_bands(bands))
    missing = [band not in bands for band in encoder.bands]
    for filling in (0.0, -7.0, float("nan")):
        values = torch.from_numpy(inputs.values.copy())
        values[..., missing] = filling
        days = torch.from_numpy(inputs.day_of_year.astype(np.int64))
        with torch.no_grad():
            again = module(values, days, torch.from_numpy(inputs.valid))
        np.testing.assert_allclose(again.numpy()[inputs.valid], z[inputs.valid], atol=1e-5)


def test_a_missing_band_is_not_a_zero_or_an_average_one(
    series: Series, encoder: FrozenEncoder
) -> None:
    short = encoder.embed(series.with_bands(TEN))
    mean = encoder.header.normalization.normalization().mean
    for filling in (np.zeros(12), mean):
        reflectance = series.reflectance.copy()
        for band in ("B01", "B09"):
            at = series.bands.index(band)
            reflectance[..., at] = round(filling[encoder.bands.index(band)] * 10_000)
        filled = encoder.embed(replace(series, reflectance=reflectance))
        assert np.abs(filled - short).max() > 0.01
    one, other = (encoder.embed(series.with_bands(b)) for b in (TEN[1:], TEN[:-1]))
    assert np.abs(one - other).max() > 0.01


def test_all_bands_are_read_as_by_weights_that_miss_none(
    series: Series, encoder: FrozenEncoder, folder: Path
) -> None:
    header, tensors = read_weights(folder / "weights.safetensors")
    assert header.min_bands == 3
    assert tensors["encoder.embedding.missing_band"].shape == (12, 32)
    plain = encoder.trainable()
    plain.embedding.missing_band.data.zero_()
    inputs = encoder.inputs(series)
    with torch.no_grad():
        z = plain(
            torch.from_numpy(inputs.values),
            torch.from_numpy(inputs.day_of_year.astype(np.int64)),
            torch.from_numpy(inputs.valid),
        )
    np.testing.assert_allclose(
        z.numpy()[inputs.valid], encoder.sequence(series)[inputs.valid], atol=1e-5
    )


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_onnx_misses_the_same_bands(
    series: Series, encoder: FrozenEncoder, folder: Path, tmp_path: Path, precision: str
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    out = tmp_path / "encoder.onnx"
    export_onnx(folder, out, precision=precision)  # type: ignore[arg-type]
    onnx = load(out)
    for bands in (SENTINEL2_BANDS, TEN, TEN[:4]):
        expected = encoder.sequence(series.with_bands(bands))
        found = onnx.sequence(series.with_bands(bands))
        if precision == "float32":
            np.testing.assert_allclose(found, expected, atol=1e-4)
        else:
            a, b = found[series.valid], expected[series.valid]
            cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
            assert cosine.min() > 0.99


def test_what_weights_were_not_trained_for_is_refused(
    series: Series, encoder: FrozenEncoder, tmp_path: Path
) -> None:
    with pytest.raises(BandError, match="fewer bands than the weights were trained for"):
        encoder.embed(series.with_bands(TEN[:2]))
    whole = load(make_weights(tmp_path / "run", series))
    with pytest.raises(BandError, match=r"lack band B01 B09; .*--any-bands"):
        whole.embed(series.with_bands(TEN))
    with pytest.raises(WeightsError, match=r"header is damaged; .*min_bands exactly where"):
        load(make_weights(tmp_path / "bad", series, min_bands=3))


def test_embed_prints_what_is_missing(folder: Path, tmp_path: Path, series: Series) -> None:
    path = tmp_path / "t.csv"
    rows = ["id,date," + ",".join(TEN)]
    rows += [
        f"{i},2018-0{m}-01," + ",".join(["900"] * 9 + [str(m)]) for i in (1, 2) for m in (5, 6)
    ]
    path.write_text("\n".join(rows))
    lines = embed_to_parquet(path, weights=folder, out=tmp_path / "e.parquet")
    assert "without band B01 B09, which the weights were trained to miss" in lines


def test_existing_recipes_keep_their_hashes() -> None:
    plain = tiny().to_json()
    assert "band_dropout" not in plain
    assert "missing_bands" not in plain
    assert '"bands"' not in plain
    changed = any_bands(tiny())
    assert type(changed).from_dict(changed.to_dict()) == changed
