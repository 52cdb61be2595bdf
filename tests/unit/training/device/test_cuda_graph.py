"""A step on the device alone equals the plain one, and asks the device nothing."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import encoder, optimization, task
from windrow.models.kernels.packing import packed_size
from windrow.tasks.bert import (
    Sizes,
    apply_model,
    bert_losses,
    build_model,
    masked_batch,
)
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.device.cuda_graph import CapturedTraining, CaptureSettings
from windrow.training.loop import train
from windrow.training.optimization import adamw, warmup_cosine

OPTIMIZATION = optimization(learning_rate=3e-3)
SHAPE = encoder(num_layers=2, width=32, mlp_width=64)
TASK = task(cloud_input="masked", reduction="sum")


class Way:
    """One training of a few series, in the plain loop or on the device alone."""

    def __init__(
        self, series, *, num_steps, device="cpu", precision=torch.float32, shape=SHAPE,
        batch_size=8,
    ):  # fmt: skip
        self.shape = shape
        self.data = PretrainingData(
            series,
            normalization=Normalization.fit(series.reflectance, series.valid),
            target="planetscope",
            target_normalization=Normalization.fit_planetscope(series.planetscope),
            target_offsets=TASK.target_offsets,
            device=device,
        )
        self.order = BatchOrder(len(series), batch_size=batch_size, seed=0)
        self.num_steps, self.device, self.precision = num_steps, device, precision
        self.rate = warmup_cosine(OPTIMIZATION, num_steps=num_steps)

    def begin(self):
        module = build_model(self.shape, TASK, num_bands=12, seed=0).to(self.device)
        return module, adamw(module, OPTIMIZATION)

    def sizes(self, step):
        counts = self.data.num_valid[self.order.indices(step).numpy()]
        return Sizes(int(self.data.num_valid.max()), packed_size(int(counts.sum())))

    def losses(self, module, index, step, sizes):
        index = index.to(self.device)
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(self.data, index, TASK, draws, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        return bert_losses(outputs, batch, masked, TASK.losses)

    def plain(self, begun=None, start=0, end=None):
        module, optimizer = begun or self.begin()
        low = self.precision == torch.bfloat16

        def compute(step):
            with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=low):
                return self.losses(module, self.order.indices(step), step, None)

        curve = []
        train(
            module, optimizer=optimizer, compute_loss=compute, learning_rate=self.rate,
            steps=range(start, end or self.num_steps), gradient_clip=1.0,
            on_step=lambda step, record: curve.append(_numbers(record)),
        )  # fmt: skip
        return module, optimizer, curve

    def captured(self, begun=None, start=0, *, packed=False, graph=False, prepare=None):
        module, optimizer = begun or self.begin()
        training = CapturedTraining(
            module, optimizer=optimizer, losses=self.losses, learning_rate=self.rate,
            steps=range(start, self.num_steps), first_index=self.order.indices(start),
            first_sizes=self.sizes(start) if packed else None,
            settings=CaptureSettings(
                graph=graph, compile_update=False, gradient_clip=1.0,
                low_precision=self.precision == torch.bfloat16,
            ),
        )  # fmt: skip
        if prepare is not None:
            prepare(training.runner)
        curve = []
        training.run(
            self.order.indices,
            sizes=self.sizes if packed else None,
            on_step=lambda step, record: curve.append(_numbers(record)),
        )
        return module, optimizer, curve


def _numbers(record):
    return {name: float(value) for name, value in record.items()}


def _furthest(curve, expected):
    """Largest relative difference of any reported value of any step."""
    assert len(curve) == len(expected)
    for one, other in zip(curve, expected, strict=True):
        assert one.keys() == other.keys()
    return max(
        abs(one[name] - other[name]) / abs(other[name])
        for one, other in zip(curve, expected, strict=True)
        for name in other
    )


@pytest.mark.parametrize("packed", [False, True])
def test_200_steps_lie_on_the_plain_curve(make_series, packed):
    way = Way(make_series(24, num_dates=12), num_steps=200)
    plain, plain_optimizer, expected = way.plain()
    module, optimizer, curve = way.captured(packed=packed)
    # Losses, gradient norm and learning rate; measured: 3e-7 the losses, 2e-6 the norm.
    assert _furthest(curve, expected) < 1e-5
    assert curve[-1]["loss"] < 0.2 * curve[0]["loss"]
    # Parameters that the loss does not see, such as the keys' bias, follow rounding; z does not.
    batch = way.data.batch(torch.arange(24))
    with torch.no_grad():
        z, wanted_z = (m(batch.values, batch.day_of_year, batch.valid) for m in (module, plain))
    assert ((z - wanted_z)[batch.valid].norm() / wanted_z[batch.valid].norm()) < 1e-3
    for one, other in zip(module.parameters(), plain.parameters(), strict=True):
        state, wanted = optimizer.state[one], plain_optimizer.state[other]
        assert float(state["step"]) == float(wanted["step"]) == way.num_steps
        assert state["exp_avg"].shape == one.shape


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("num_steps", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_fused_blocks_lie_on_the_plain_curve(make_series, monkeypatch, packed, num_steps):
    """The kernels in Triton's interpreter inside whole steps; padding, gaps and packing."""
    pytest.importorskip("triton", reason="needs Triton, which is on Linux only")
    if torch.cuda.is_available():
        pytest.skip("the kernels are compiled here; see the tests on CUDA")
    fused_calls = []

    def fuses(tokens, products, *, head_width, num_dates):
        fused_calls.append(num_dates)
        return True

    monkeypatch.setattr("windrow.models.encoders.transformer.can_fuse", fuses)
    # Small, as every program of a kernel takes the interpreter some 10 ms.
    layers = 2 if num_steps < 200 else 1
    shape = SHAPE.model_copy(update={"num_heads": 1, "num_layers": layers})
    way = Way(make_series(12, num_dates=12), num_steps=num_steps, shape=shape, batch_size=3)
    _, _, expected = way.plain()
    assert not fused_calls  # nothing is fused unless it is asked for
    _, _, curve = way.captured(packed=packed, prepare=_fuse)
    assert len(fused_calls) == num_steps
    assert _furthest(curve, expected) < 1e-5


def _fuse(runner):
    runner.encoder.fused = True


def test_bfloat16_with_float32_masters_lies_on_autocasts_curve(make_series):
    way = Way(make_series(24, num_dates=12), num_steps=60, precision=torch.bfloat16)
    _, _, expected = way.plain()
    _, _, curve = way.captured()
    # bfloat16 has eight bits: products are rounded to 0.4 % each, the losses to far less.
    assert _furthest(curve[:1], expected[:1]) < 2e-3
    difference = [a["loss"] / b["loss"] - 1 for a, b in zip(curve, expected, strict=True)]
    assert np.abs(difference).max() < 0.02
    assert abs(np.mean(difference)) < 0.002


@pytest.mark.parametrize("first", ["plain", "captured"])
def test_going_on_from_a_checkpoints_state_equals_one_run(make_series, first):
    way = Way(make_series(16, num_dates=10), num_steps=12)
    whole, _, expected = way.captured()
    begun = way.begin()
    if first == "plain":
        way.plain(begun, end=5)
    else:
        halved = Way(make_series(16, num_dates=10), num_steps=5)
        halved.rate = way.rate
        halved.captured(begun)
    _, _, curve = way.captured(begun, start=5)
    assert _furthest(curve, expected[5:]) < (1e-5 if first == "plain" else 1e-12)
    for name, value in whole.state_dict().items():
        # The keys' bias has no gradient but rounding, which Adam makes as large as any.
        atol = 1e-2 if name.endswith("query_key_value.bias") else 1e-5
        assert torch.allclose(begun[0].state_dict()[name], value, atol=atol), name


def test_what_the_loss_does_not_reach_stays_as_it_is(make_series):
    way = Way(make_series(8, num_dates=10, clouds=False), num_steps=3)
    module, optimizer, _ = way.captured()
    first = way.begin()[0]
    assert torch.equal(module.cloud.weight, first.cloud.weight)
    assert module.cloud.weight not in optimizer.state
    assert not torch.equal(module.season.weight, first.season.weight)


class NoQuestions(TorchDispatchMode):
    """Refuses what would wait for a device: reading a value, or a shape that depends on one."""

    REFUSED = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "lift_fresh", "equal")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name.startswith(self.REFUSED):
            raise AssertionError(f"asks the device: {name}")
        if name.startswith("index"):
            for index in args[1] if isinstance(args[1], list | tuple) else ():
                assert index is None or index.dtype != torch.bool, "indexes by a mask"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_step_asks_the_device_nothing(make_series, packed, precision):
    way = Way(make_series(8, num_dates=10), num_steps=2, precision=precision)
    module, optimizer = way.begin()
    training = CapturedTraining(
        module, optimizer=optimizer, losses=way.losses, learning_rate=way.rate, steps=range(2),
        first_index=way.order.indices(0),
        first_sizes=way.sizes(0) if packed else None,
        settings=CaptureSettings(
            graph=False, compile_update=False, gradient_clip=1.0,
            low_precision=precision == torch.bfloat16,
        ),
    )  # fmt: skip
    with NoQuestions():
        training.advance(way.sizes(0) if packed else None)
    with NoQuestions(), pytest.raises(AssertionError, match="asks the device"):
        float(next(module.parameters()).sum())


def test_a_series_without_a_gap_equals_one_with(make_series):
    """No attention mask where every date is valid: decided by the host, not read."""
    way = Way(make_series(16, num_dates=10, padding=False), num_steps=5)
    assert way.data.all_valid
    _, _, expected = way.plain()
    _, _, curve = way.captured()
    assert _furthest(curve, expected) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("packed", [False, True])
def test_a_graph_waits_for_nothing_and_equals_the_plain_curve(make_series, packed):
    way = Way(make_series(24, num_dates=12), num_steps=200, device="cuda")
    _, _, expected = way.plain()
    way.captured(packed=packed, graph=True)
    module, optimizer = way.begin()
    training = CapturedTraining(
        module, optimizer=optimizer, losses=way.losses, learning_rate=way.rate, steps=range(200),
        first_index=way.order.indices(0),
        first_sizes=way.sizes(0) if packed else None,
        settings=CaptureSettings(
            graph=True, compile_update=False, gradient_clip=1.0, low_precision=False
        ),
    )  # fmt: skip
    curve = []

    def on_step(step, record):
        curve.append(record["loss"].clone())
        if step == 20:
            torch.cuda.set_sync_debug_mode("error")

    try:
        training.run(way.order.indices, sizes=way.sizes if packed else None, on_step=on_step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    found = torch.stack(curve).tolist()
    wanted = [step["loss"] for step in expected]
    assert np.abs(np.array(found) / np.array(wanted) - 1)[:60].max() < 1e-5


def test_flat_parameters_are_the_modules_own(make_series):
    way = Way(make_series(8, num_dates=10), num_steps=1)
    module, _, _ = way.captured()
    pointers = {p.untyped_storage().data_ptr() for p in module.parameters()}
    assert len(pointers) == 2  # decayed and not
