from dataclasses import replace

import numpy as np
import pytest
import torch

from windrow.data.normalization import Normalization
from windrow.data.series import concatenate, pad_dates
from windrow.errors import BandError, DataError, SettingsError, WeightsError
from windrow.experiments.recipes.pretraining import recipe
from windrow.inference import shipped_weights
from windrow.inference.backends import TorchBackend
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.inference.pooling import month_pool
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import BandMoments, WeightsHeader, write_weights
from windrow.tasks.bert import build_model

BANDS = ("B04", "B02", "B08")


@pytest.fixture(scope="module")
def frozen(make_series):
    series = make_series(8).with_bands(BANDS)
    return make_frozen(series)


def make_frozen(series, **encoder_changes):
    settings = recipe("tiny").encoder.model_copy(update=encoder_changes)
    torch.manual_seed(0)
    encoder = Encoder(settings, num_bands=len(series.bands))
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    header = WeightsHeader(
        format="windrow weights",
        version=1,
        encoder=settings,
        bands=series.bands,
        processing_level="L2A",
        normalization=BandMoments.of(Normalization.fit(series.reflectance, series.valid)),
        target_normalization=None,
        simulated=True,
        training_hash="",
        provenance={},
    )
    return FrozenEncoder(TorchBackend(encoder, header=header), header=header, content_hash="x")


def test_sequence_is_the_encoder_on_each_series_alone(make_series, frozen):
    series = make_series(7, seed=3)
    z = frozen.sequence(series, batch_size=3)
    assert z.shape == (7, 24, frozen.width)
    assert z.dtype == np.float32
    normalization = frozen.header.normalization.normalization()
    encoder = frozen.trainable().requires_grad_(False)
    own = series.with_bands(BANDS)
    for n in range(7):
        dates = np.flatnonzero(series.valid[n])
        values = torch.from_numpy(normalization.apply(own.reflectance[n : n + 1, dates]))
        days = torch.from_numpy(own.day_of_year[n : n + 1, dates])
        expected = encoder(values, days, torch.ones_like(days) > 0)[0].numpy()
        np.testing.assert_allclose(z[n, dates], expected, atol=1e-5)
        assert (z[n, ~series.valid[n]] == 0).all()


def test_the_module_of_a_backend_is_frozen(frozen):
    module = Encoder(recipe("tiny").encoder, num_bands=3)
    assert module.training
    backend = TorchBackend(module, header=frozen.header)
    assert not backend.encoder.training
    assert all(not parameter.requires_grad for parameter in backend.encoder.parameters())


@pytest.mark.parametrize("pool", ["mean", "month"])
def test_batch_size_and_padding_change_nothing(make_series, frozen, pool):
    series = make_series(9, seed=5)
    expected = frozen.embed(series, pool=pool)
    for batch_size in (1, 2, 5, 100):
        found = frozen.embed(series, pool=pool, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    padded = frozen.embed(pad_dates(series, 60), pool=pool)
    np.testing.assert_allclose(padded, expected, atol=1e-5)
    assert np.isfinite(expected).all()


def test_pooling_is_a_mean_over_valid_dates_with_the_nearest_month_for_an_empty_one(
    make_series, frozen
):
    series = make_series(6, seed=2, num_dates=7)
    z = frozen.sequence(series)
    mean, months = frozen.embed(series), frozen.embed(series, pool="month")
    assert mean.shape == (6, 16)
    assert months.shape == (6, 192)
    starts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    for n in range(6):
        dates = np.flatnonzero(series.valid[n])
        np.testing.assert_allclose(mean[n], z[n, dates].mean(axis=0), atol=1e-5)
        month = np.searchsorted(starts, series.day_of_year[n, dates], side="right") - 1
        for m in range(12):
            # The nearest month with a date; of two as near, the earlier.
            source = min(set(month.tolist()), key=lambda other, m=m: (abs(other - m), other))
            expected = z[n, dates[month == source]].mean(axis=0)
            np.testing.assert_allclose(months[n].reshape(12, 16)[m], expected, atol=1e-5)


def test_the_earlier_of_two_months_as_near():
    z = np.array([[[1.0], [3.0]]], dtype=np.float32)
    found = month_pool(z, np.array([[True, True]]), np.array([[2, 6]]))
    assert found[0, :, 0].tolist() == [1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3]


def test_bands_are_taken_by_name(make_series, frozen):
    series = make_series(4)
    expected = frozen.embed(series)
    order = ("B08", "B11", "B02", "B04")
    np.testing.assert_array_equal(frozen.embed(series.with_bands(order)), expected)
    with pytest.raises(BandError, match="the series lack band B02 B08"):
        frozen.embed(series.with_bands(["B04", "B03"]))


def test_processing_level_must_be_the_trained_one(make_series, frozen):
    with pytest.raises(WeightsError, match="found L1C; expected L2A; to mend it: give L2A series"):
        frozen.embed(make_series(3, processing_level="L1C"))


def test_series_without_dates_and_wrong_arguments_are_refused(make_series, frozen):
    series = make_series(3)
    empty = replace(series, valid=series.valid & (np.arange(3) != 1)[:, None])
    with pytest.raises(DataError, match="1 series without any valid date; in series 1"):
        frozen.embed(empty)
    with pytest.raises(SettingsError, match="unknown pooling; found max"):
        frozen.embed(series, pool="max")
    with pytest.raises(SettingsError, match="batch_size must be at least 1"):
        frozen.sequence(series, batch_size=0)
    assert frozen.embed(series.select(slice(0, 0))).shape == (0, 16)


def test_learned_positions_run_out_with_a_clear_line(make_series):
    series = make_series(3, padding=False).with_bands(BANDS)
    encoder = make_frozen(series, position="learned", num_positions=20)
    with pytest.raises(DataError, match="found 24; expected at most 20"):
        encoder.embed(series)


def test_same_vector_alone_or_among_longer_series(make_series, frozen):
    short, long = make_series(2, num_dates=6), make_series(2, num_dates=40, seed=1)
    long = replace(long, id=long.id + 10)
    together = frozen.embed(concatenate([short, long]))
    np.testing.assert_allclose(together[:2], frozen.embed(short), atol=1e-5)


def test_load_says_where_it_looked(tmp_path):
    with pytest.raises(WeightsError, match=r"no such weights; found nowhere; .* windrow-1"):
        load("nowhere")
    with pytest.raises(WeightsError, match="no weights in this folder"):
        load(tmp_path)


def test_load_takes_a_folder_a_file_or_a_shipped_name(tmp_path, make_series, monkeypatch):
    series = make_series(4)
    settings = recipe("tiny")
    module = build_model(settings.encoder, settings.task, num_bands=12, seed=0)
    header = make_frozen(series).header
    shipped = tmp_path / "shipped"
    write_weights(shipped / "meadow.safetensors", module, header=header)
    write_weights(tmp_path / "run" / "weights.safetensors", module, header=header)
    monkeypatch.setattr(shipped_weights, "SHIPPED", shipped)
    vectors = [
        load(which).embed(series)
        for which in ("meadow", tmp_path / "run", tmp_path / "run" / "weights.safetensors")
    ]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    with pytest.raises(WeightsError, match="shipped weights, which are: meadow"):
        load("clover")
