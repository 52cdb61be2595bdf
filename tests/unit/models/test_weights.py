import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from windrow.errors import WeightsError
from windrow.experiments.recipes.pretraining import recipe
from windrow.models.weights import (
    BandMoments,
    WeightsHeader,
    load_encoder,
    read_weights,
    write_weights,
)
from windrow.tasks.bert import build_model

BANDS = ("B02", "B03", "B04", "B08")


def make_header(**changes):
    values = {
        "format": "windrow weights",
        "version": 1,
        "encoder": recipe("tiny").encoder,
        "bands": BANDS,
        "processing_level": "L2A",
        "normalization": BandMoments(mean=(0.1,) * 4, std=(0.2,) * 4),
        "target_normalization": None,
        "simulated": True,
        "training_hash": "0" * 64,
        "provenance": {"recipe": "tiny"},
    }
    return WeightsHeader.model_validate(values | changes)


@pytest.fixture
def model():
    settings = recipe("tiny")
    return build_model(settings.encoder, settings.task, num_bands=4, seed=0)


def test_round_trip_and_equal_content_is_equal_bytes(tmp_path, model):
    header = make_header()
    write_weights(tmp_path / "a.safetensors", model, header=header)
    write_weights(tmp_path / "b.safetensors", model, header=header)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    found, tensors = read_weights(tmp_path / "a.safetensors")
    assert found == header
    for name, values in model.state_dict().items():
        assert torch.equal(tensors[name], values)
    encoder, _, _ = load_encoder(tmp_path / "a.safetensors")
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_hash_follows_what_determines_the_representation(tmp_path, model):
    def content_hash(header):
        write_weights(tmp_path / "w.safetensors", model, header=header)
        return load_encoder(tmp_path / "w.safetensors")[2]

    first = content_hash(make_header())
    assert content_hash(make_header(provenance={"recipe": "other"})) == first
    assert content_hash(make_header(processing_level="L1C")) != first
    assert content_hash(make_header(bands=("B02", "B03", "B08", "B04"))) != first
    assert (
        content_hash(make_header(normalization=BandMoments(mean=(0,) * 4, std=(1,) * 4))) != first
    )
    with torch.no_grad():
        model.season.weight += 1  # no part of the encoder
    assert content_hash(make_header()) == first
    with torch.no_grad():
        model.encoder.norm.bias[0] += 1e-7
    assert content_hash(make_header()) != first


def _refused(path, text):
    with pytest.raises(WeightsError, match=text) as caught:
        load_encoder(path)
    assert "\n" not in str(caught.value)


def test_missing_truncated_and_hostile_files_are_refused(tmp_path, model):
    path = tmp_path / "w.safetensors"
    _refused(path, "no weights here")
    write_weights(path, model, header=make_header())
    whole = path.read_bytes()
    for length in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        _refused(path, "the weights cannot be read")
    path.write_bytes(pickle.dumps({"encoder": np.zeros(3)}))
    _refused(path, "a pickle or a PyTorch archive, which windrow never opens")
    torch.save(model.state_dict(), path)
    _refused(path, "a pickle or a PyTorch archive, which windrow never opens")
    path.write_bytes((2**60).to_bytes(8, "little") + b"{}")
    _refused(path, "10 bytes, cut short or of another kind")


def test_wrong_headers_are_refused(tmp_path, model):
    path = tmp_path / "w.safetensors"
    save_file(model.state_dict(), path)
    _refused(path, "the file has no windrow header")
    header = make_header().to_dict()
    cases = {
        "the file has no windrow header": "[1",
        "of another version; .*found 2; expected 1": json.dumps(header | {"version": 2}),
        "header is damaged.*bands: field required": json.dumps(
            {name: value for name, value in header.items() if name != "bands"}
        ),
        "header is damaged.*unknown Sentinel-2 band": json.dumps(
            header | {"bands": ["B02", "B03", "B04", "B99"]}
        ),
        "found 3 normalised bands; expected 4": json.dumps(
            header | {"normalization": {"mean": [0, 0, 0], "std": [1, 1, 1]}}
        ),
        "band number 1 never varies": json.dumps(
            header | {"normalization": {"mean": [0] * 4, "std": [0] * 4}}
        ),
    }
    for text, written in cases.items():
        save_file(model.state_dict(), path, metadata={"windrow": written})
        _refused(path, text)


def test_weights_of_another_configuration_are_refused(tmp_path, model):
    path = tmp_path / "w.safetensors"
    deeper = recipe("tiny").encoder.model_copy(update={"num_layers": 2})
    write_weights(path, model, header=make_header(encoder=deeper))
    _refused(path, r"another configuration: tensor blocks\.1\..*found none; expected")
    wider = recipe("tiny").encoder.model_copy(update={"mlp_width": 64})
    write_weights(path, model, header=make_header(encoder=wider))
    _refused(path, r"tensor blocks\.0\.mlp_in\.bias.*found \(32,\); expected \(64,\)")
    with torch.no_grad():
        model.encoder.norm.bias[0] = torch.nan
    write_weights(path, model, header=make_header())
    _refused(path, r"values that are no numbers; in .*encoder\.norm\.bias")
    write_weights(path, model.double(), header=make_header())
    _refused(path, "wrong type; .*found float64; expected float32")
