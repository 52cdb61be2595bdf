import pytest
import torch
from torch import nn

from windrow.errors import SettingsError, WeightsError
from windrow.training.checkpoint import load_checkpoint, save_checkpoint
from windrow.training.loop import train

IDENTITY = {"settings": {"batch_size": 8, "encoder": {"width": 4}}, "store": "abc"}


def _start(seed=0):
    torch.manual_seed(seed)
    module = nn.Linear(4, 2)
    return module, torch.optim.AdamW(module.parameters(), lr=0.1)


def _train(module, optimizer, start, end):
    data = torch.randn((20, 4), generator=torch.Generator().manual_seed(1))
    train(
        module,
        optimizer=optimizer,
        compute_loss=lambda step: {"loss": (module(data[step]) ** 2).sum()},
        steps=range(start, end),
    )


def test_resumed_training_equals_the_uninterrupted_bit_for_bit(tmp_path):
    whole = _start()
    _train(*whole, 0, 20)
    module, optimizer = _start()
    _train(module, optimizer, 0, 7)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, module=module, optimizer=optimizer, step=7, identity=IDENTITY)
    module, optimizer = _start(seed=99)
    step = load_checkpoint(path, module=module, optimizer=optimizer, identity=IDENTITY)
    assert step == 7
    _train(module, optimizer, step, 20)
    assert torch.equal(module.weight, whole[0].weight)
    assert torch.equal(module.bias, whole[0].bias)


def test_another_run_is_refused_by_the_name_of_what_differs(tmp_path):
    module, optimizer = _start()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, module=module, optimizer=optimizer, step=1, identity=IDENTITY)
    cases = [
        (
            {"settings": {"batch_size": 8, "encoder": {"width": 8}}, "store": "abc"},
            r"another settings\.encoder\.width; .*found 4; expected 8",
        ),
        (IDENTITY | {"store": "xyz"}, "another store; .*found abc; expected xyz"),
        (
            {"settings": {"batch_size": 8, "encoder": {"width": 4}}},
            "another store; .*found abc; expected none",
        ),
    ]
    for identity, text in cases:
        with pytest.raises(SettingsError, match=text):
            load_checkpoint(path, module=module, optimizer=optimizer, identity=identity)


def test_damaged_checkpoints_are_refused(tmp_path):
    module, optimizer = _start()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, module=module, optimizer=optimizer, step=1, identity=IDENTITY)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_checkpoint(path, module=module, optimizer=optimizer, identity=IDENTITY)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="no windrow checkpoint"):
        load_checkpoint(path, module=module, optimizer=optimizer, identity=IDENTITY)
