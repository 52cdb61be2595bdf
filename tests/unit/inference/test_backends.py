"""Every backend computes what torch computes in float32, within what it promises."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from series_factory import make_series
from weights_factory import make_weights
from windrow.data.series import Series, pad_dates
from windrow.errors import SettingsError, WeightsError
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.inference import backends
from windrow.inference.backends import OnnxBackend, TorchBackend, choose_backend, open_onnx
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.inference.onnx.graph import onnx_bytes, write_onnx
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import load_encoder, write_weights

ROOT = Path(__file__).parents[3]
BAVARIA = Path(os.environ.get("WINDROW_DATA", ROOT.parent / "shared" / "data")) / "bavaria2018"

SMALLEST_COSINE = 0.999
"""What bfloat16 and int8 promise of every date."""


def real_series() -> Series:
    """The fields of half A."""
    if not BAVARIA.is_dir():
        pytest.skip(f"the real fields of bavaria2018 are not at {BAVARIA}")
    from windrow.sources.open_any import open_series

    return open_series(BAVARIA / "observations.parquet").select(slice(0, 20))


def cosines(found: np.ndarray, expected: np.ndarray, valid: np.ndarray) -> np.ndarray:
    a, b = found[valid].astype(np.float64), expected[valid].astype(np.float64)
    return np.asarray((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


SERIES = {
    "fresh": lambda: make_series(9, num_dates=30, seed=11, planetscope=False),
    "without padding": lambda: make_series(
        9, num_dates=30, seed=12, padding=False, planetscope=False
    ),
    "padded": lambda: pad_dates(make_series(9, num_dates=30, seed=13, planetscope=False), 50),
    "real": real_series,
}


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize(
    ("backend", "precision"), [("onnx", "float32"), ("onnx", "int8"), ("torch", "bfloat16")]
)
def test_every_fast_path_is_the_plain_one(kind, backend, precision, tmp_path):
    series = SERIES[kind]()
    run = make_weights(tmp_path / "run", series)
    plain, fast = load(run), load(run, backend=backend, precision=precision)
    assert plain.backend == "torch float32"
    assert fast.backend == f"{backend} {precision}"
    assert fast.content_hash == plain.content_hash
    expected, found = plain.sequence(series), fast.sequence(series, batch_size=4)
    assert (found[~series.valid] == 0).all()
    if precision == "float32":
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    else:
        assert not np.array_equal(found, expected)  # it does round
        assert cosines(found, expected, series.valid).min() >= SMALLEST_COSINE
    for pool in ("mean", "month"):
        a, b = fast.embed(series, pool=pool), plain.embed(series, pool=pool)
        if precision == "float32":
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
        assert cosines(a, b, np.ones(len(series), dtype=bool)).min() >= SMALLEST_COSINE


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("position", ["day_of_year", "learned", "none"])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_the_file_alone_gives_representation_and_pooling(
    kernel_size, position, precision, tmp_path
):
    # In plain ONNX Runtime, with the arrays of a store as they are, padding anywhere included.
    series = make_series(12, num_dates=20, seed=7, planetscope=False)
    series = replace(series, year=np.resize([2018, 2020, 1900, 2000], 12).astype(np.int16))
    run = make_weights(tmp_path / "run", series, kernel_size=kernel_size, position=position)
    plain = load(run)
    encoder, header, content_hash = load_encoder(run / "weights.safetensors")
    file = tmp_path / "encoder.onnx"
    write_onnx(file, encoder, header=header, content_hash=content_hash, precision=precision)
    onnx.checker.check_model(onnx.load(file))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = ("reflectance", "day_of_year", "valid", "year")
    z, mean, month = session.run(None, {name: getattr(series, name) for name in names})
    found = {"z": z, "mean": mean, "month": month.reshape(12, -1)}
    expected = {
        "z": plain.sequence(series),
        "mean": plain.embed(series),
        "month": plain.embed(series, pool="month"),
    }
    for name, values in expected.items():
        if precision == "float32":
            np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5, err_msg=name)
        else:
            read = series.valid if name == "z" else np.ones(12, dtype=bool)
            assert cosines(found[name], values, read).min() >= SMALLEST_COSINE


def test_a_series_without_dates_stays_finite(tmp_path):
    series = make_series(3, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    encoder, header, content_hash = load_encoder(run / "weights.safetensors")
    backend = backends.onnx_backend(
        encoder, header=header, content_hash=content_hash, precision="float32"
    )
    valid = series.valid & (np.arange(3) != 1)[:, None]
    z = backend.encode(series.reflectance, series.day_of_year, valid)
    assert np.isfinite(z).all()
    assert (z[1] == 0).all()


def test_equal_weights_are_equal_bytes_and_carry_their_header(tmp_path):
    series = make_series(6, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    encoder, header, content_hash = load_encoder(run / "weights.safetensors")
    parts = {"header": header, "content_hash": content_hash, "precision": "int8"}
    content = onnx_bytes(encoder, **parts)
    assert content == onnx_bytes(encoder, **parts)
    backend = OnnxBackend(content)
    assert backend.header == header
    assert backend.precision == "int8"
    # 8-bit weights: the file is about a quarter of the float32 one.
    plain = onnx_bytes(encoder, **{**parts, "precision": "float32"})
    matrices = 4 * sum(p.numel() for block in encoder.blocks for p in block.parameters())
    assert len(plain) - len(content) == pytest.approx(0.75 * matrices, rel=0.15)
    file = tmp_path / "encoder.onnx"
    file.write_bytes(content)
    frozen = load(file)
    assert isinstance(frozen, FrozenEncoder)
    assert (frozen.header, frozen.content_hash) == (header, content_hash)


def test_files_that_are_none_of_ours_are_refused(tmp_path):
    series = make_series(6, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    encoder, header, content_hash = load_encoder(run / "weights.safetensors")
    content = onnx_bytes(encoder, header=header, content_hash=content_hash, precision="float32")
    file = tmp_path / "encoder.onnx"
    with pytest.raises(WeightsError, match=r"the ONNX file cannot be read; in .*encoder\.onnx"):
        open_onnx(file)
    file.write_bytes(content[:-1000])
    with pytest.raises(WeightsError, match="the ONNX file cannot be read"):
        open_onnx(file)
    model = onnx.load_from_string(content)
    for key, value, message in (
        ("format", "something", "is not a windrow encoder; .*found something"),
        ("version", "7", "of another version; .*found 7; expected 1"),
        ("windrow", "{}", "the file has no windrow header"),
    ):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for entry in changed.metadata_props:
            if entry.key == key:
                entry.value = value
        file.write_bytes(changed.SerializeToString())
        with pytest.raises(WeightsError, match=message):
            load(file)
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="an ONNX file runs in ONNX Runtime"):
        load(file, backend="torch")


def test_auto_chooses_by_what_is_installed(monkeypatch):
    assert choose_backend("auto", "float32", device="cpu") == "onnx"
    assert choose_backend("auto", "int8", device="cpu") == "onnx"
    assert choose_backend("auto", "bfloat16", device="cpu") == "torch"
    assert choose_backend("auto", "float32", device="cuda") == "torch"
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    assert choose_backend("auto", "float32", device="cpu") == "torch"
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    series = make_series(4, planetscope=False)
    encoder = Encoder(
        encoder_settings(num_layers=1, width=8, mlp_width=8), num_bands=len(series.bands)
    )
    with pytest.raises(SettingsError, match=r"needs the package onnxruntime; .*windrow\[onnx\]"):
        backends.onnx_backend(encoder, header=None, content_hash="", precision="int8")


def test_backend_and_precision_must_go_together():
    for backend, precision, message in (
        ("torch", "int8", "torch does not compute in int8; expected float32 or bfloat16"),
        ("onnx", "bfloat16", "onnx does not compute in bfloat16; expected float32 or int8"),
        ("tensorflow", "int8", "unknown backend; found tensorflow"),
        ("auto", "int4", "unknown precision; found int4"),
    ):
        with pytest.raises(SettingsError, match=message):
            choose_backend(backend, precision, device="cpu")
    with pytest.raises(SettingsError, match="runs on the CPU only; found device cuda"):
        choose_backend("onnx", "int8", device="cuda")


def test_reading_fewer_dates_is_reading_the_clearest_alone(tmp_path):
    series = make_series(8, num_dates=30, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    plain, few = load(run), load(run, max_dates=9)
    read = few.read_dates(series)
    assert (read.sum(axis=1) == 9).all()
    alone = replace(series, valid=read)
    for found in (few.embed(series), plain.embed(series, max_dates=9)):
        np.testing.assert_allclose(found, plain.embed(alone), atol=1e-6)
    np.testing.assert_allclose(few.sequence(series), plain.sequence(alone), atol=1e-6)
    assert not np.allclose(few.embed(series), plain.embed(series), atol=1e-3)
    # Another representation: a head fitted on one is refused on the other.
    assert few.content_hash != plain.content_hash
    assert few.content_hash == load(run, max_dates=9).content_hash != load(run, max_dates=8)


def test_weights_say_how_many_dates_they_read(tmp_path):
    series = make_series(8, num_dates=30, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    encoder, header, content_hash = load_encoder(run / "weights.safetensors")
    holder = torch.nn.Module()
    holder.encoder = encoder
    said = header.model_copy(update={"max_dates": 5})
    write_weights(tmp_path / "said.safetensors", holder, header=said)
    frozen = load(tmp_path / "said.safetensors")
    assert frozen.max_dates == 5
    assert frozen.content_hash != content_hash
    assert (frozen.read_dates(series).sum(axis=1) == 5).all()
    np.testing.assert_allclose(frozen.embed(series), load(run, max_dates=5).embed(series))
    # All dates again, by asking for more than there are.
    np.testing.assert_allclose(
        load(tmp_path / "said.safetensors", max_dates=99).embed(series), load(run).embed(series)
    )


def test_torch_runs_in_evaluation_mode_without_gradients(tmp_path):
    series = make_series(4, planetscope=False)
    run = make_weights(tmp_path / "run", series)
    encoder, header, _ = load_encoder(run / "weights.safetensors")
    TorchBackend(encoder.train().requires_grad_(True), header=header)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
