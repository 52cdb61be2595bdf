"""Hugging Face's BertModel in place of our encoder, block by block in turn with ours."""

from __future__ import annotations

import statistics
import time
import traceback
from typing import Any

import torch
from torch import Tensor, nn

from gpu_training.bench import Bench
from gpu_training.settings import Shape
from gpu_training.ways import PRETRAIN, Fast, Steps, plain_steps, steps_of

WAYS = (
    "eager, autocast",
    "compiled, autocast",
    "eager, weights in bfloat16",
    "compiled, weights in bfloat16",
)
BLOCKS = 4
"""Blocks of steps of each, in turn: ours, theirs, ours, theirs."""


class HuggingFaceEncoder(nn.Module):
    """BertModel in place of our encoder: our embedding of the bands, its blocks."""

    def __init__(self, embedding: nn.Module, shape: Shape) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        config = BertConfig(
            hidden_size=shape.width, num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads, intermediate_size=shape.mlp, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, vocab_size=2, hidden_act="gelu",
            max_position_embeddings=512, attn_implementation="sdpa",
        )  # fmt: skip
        self.embedding = embedding
        self.bert = BertModel(config, add_pooling_layer=False)
        self.residual_precision = None

    def forward(self, values: Tensor, day: Tensor, valid: Tensor, **options: Any) -> Tensor:
        """As our encoder; all dates are valid."""
        chosen = {key: options[key] for key in ("mask", "use_position")}
        tokens = self.embedding(values, day, valid, **chosen)
        tokens = tokens.to(self.bert.encoder.layer[0].output.dense.weight.dtype)
        return self.bert(inputs_embeds=tokens).last_hidden_state.float()


def hf(bench: Bench) -> None:
    """Milliseconds a step of BertModel and of ours, and the ratio of their medians."""
    ours = Fast(bench, bench.shape.encoder(), **PRETRAIN)
    ours.steps(0, 10)
    for name in WAYS:
        if bench.late("hf", what=name):
            continue
        try:
            started = time.perf_counter()
            steps = _steps(bench, name)
            steps(0, 10)
            bench.wait()
            ready = time.perf_counter() - started
            own, theirs = [], []
            for block in range(BLOCKS):
                first = len(ours.curve)
                own.append(bench.step_ms(ours.steps, first=first, number=bench.block))
                number = max(bench.block // 2, 1)
                first = 10 + number * block
                theirs.append(bench.step_ms(steps, first=first, number=number))
            ratio = statistics.median(theirs) / statistics.median(own)
            bench.tell(part="hf", what=name, ready_s=round(ready, 1), ratio=round(ratio, 2),
                       ours_ms=[round(value, 3) for value in own],
                       ms=[round(value, 3) for value in theirs])  # fmt: skip
        except Exception:
            bench.tell(part="hf", what=name, error=traceback.format_exc()[-1500:])
        steps = None
        bench.clean()


def _steps(bench: Bench, name: str) -> Steps:
    """The plain loop over BertModel, with fused AdamW."""
    setup = bench.setup
    module = setup.module(bench.shape.encoder(num_layers=1))
    module.encoder = HuggingFaceEncoder(module.encoder.embedding, bench.shape).to(bench.device)
    autocast = "autocast" in name
    if not autocast:
        module.encoder.bert.to(torch.bfloat16)
    if "compiled" in name:
        module.encoder.bert.compile(dynamic=False, **bench.compiled("default"))
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
    if autocast:
        return plain_steps(setup, module, optimizer, low=True)

    def compute(step: int) -> Any:
        # Its weights are in bfloat16, the heads in float32: nothing is left to autocast.
        return setup.losses(module, setup.order.indices(step).to(bench.device), step, None)

    return steps_of(setup, module, optimizer, compute)
