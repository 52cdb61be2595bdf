"""A training step of each base model: products in bfloat16, and attention in parts.

One JSON line. Milliseconds of a step of a batch on one thread, for each configuration of a scale:
``plain`` in float32 with torch's own layers (attention, packed series), ``float32`` with ours,
``bfloat16`` with ours; and the ratio of the plain step to the last one. Series differ in length by
up to six dates, as simulated ones do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor, nn

from measuring import best_seconds, setting
from windrow.classifiers.sequence import SequenceTraining
from windrow.experiments.recipes.head_search import head_configurations
from windrow.experiments.recipes.heads import BaseModel
from windrow.models.heads.lstm import BiLstm
from windrow.models.heads.sequence import SequenceHead
from windrow.models.heads.transformer import TransformerSettings
from windrow.tasks.classification import classification_losses

NUM_CLASSES, NUM_DATES, NUM_INPUTS = 9, 146, 64


def step(
    training: SequenceTraining, *, precision: torch.dtype | None, plain: bool
) -> Callable[[], object]:
    """Forward, backward and update of one batch."""
    torch.manual_seed(0)
    head = SequenceHead(NUM_INPUTS, NUM_CLASSES, training.model).train()
    if plain:
        _with_torchs_layers(head)
    optimizer = torch.optim.Adam(head.parameters(), lr=training.learning_rate)
    size = training.batch_size
    inputs = (
        torch.randn(size, NUM_DATES, NUM_INPUTS),
        torch.linspace(0, 364, NUM_DATES).long().repeat(size, 1),
        torch.arange(NUM_DATES) < torch.randint(NUM_DATES - 6, NUM_DATES + 1, (size, 1)),
    )
    label = torch.arange(size) % NUM_CLASSES

    def run() -> None:
        with torch.autocast("cpu", precision, enabled=precision is not None):
            losses = classification_losses(head, inputs, label)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()

    return run


class TorchsLayer(nn.TransformerEncoderLayer):
    """torch's layer, called as ours."""

    def forward(self, x: Tensor, padded: Tensor) -> Tensor:
        """(N, T, D)."""
        out: Tensor = super().forward(x, src_key_padding_mask=padded)
        return out


def _with_torchs_layers(head: SequenceHead) -> None:
    model, body = head.settings, head.body
    if isinstance(body, BiLstm):
        body._gated = body._packed  # type: ignore[method-assign]
    if isinstance(model, TransformerSettings):
        for index in range(model.num_layers):
            head.body.blocks[index] = TorchsLayer(
                model.width,
                model.num_heads,
                dim_feedforward=2 * model.width,
                dropout=model.dropout,
                batch_first=True,
            )


def main() -> None:
    """Prints the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="small")
    parser.add_argument("--num-rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = {}
    for model in get_args(BaseModel):
        for number, training in enumerate(head_configurations(model, options.scale), 1):
            ways = {
                "plain": step(training, precision=None, plain=True),
                "float32": step(training, precision=None, plain=False),
                "bfloat16": step(training, precision=torch.bfloat16, plain=False),
            }
            seconds = best_seconds(ways, num_rounds=options.num_rounds)
            models[f"{model} {number}"] = {
                **{f"{way}_ms": round(1e3 * each, 1) for way, each in seconds.items()},
                "ratio": round(seconds["plain"] / seconds["bfloat16"], 2),
            }
    line = setting("torch", scale=options.scale, num_dates=NUM_DATES, num_inputs=NUM_INPUTS)
    print(json.dumps({"benchmark": "heads", **line, "models": models}))


if __name__ == "__main__":
    main()
