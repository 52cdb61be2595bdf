"""Training steps on one thread beside Hugging Face's BertModel and torch's TransformerEncoder.

Same depth, width, heads, MLP, dates, batch and dropout (none); a step is forward, a squared loss
on every output, backward and AdamW. Each precision is compared with the same precision of the
others. ``windrow pretrain`` takes bfloat16 where the processor has it. One line of JSON::

    python benchmarks/train_cpu.py --num-layers 4 --width 128
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from measuring import best_seconds, setting, version
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.experiments.recipes.pretraining import optimization
from windrow.models.encoders.transformer import Encoder
from windrow.training.optimization import adamw

NUM_BANDS = 12
NUM_HEADS = 4


def step_of(
    module: nn.Module, forward: Callable[[], Tensor], *, bfloat16: bool
) -> Callable[[], None]:
    """One training step of a module."""
    optimizer = adamw(module, optimization(learning_rate=1e-4))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            z = forward()
        optimizer.zero_grad(set_to_none=True)
        z.float().square().mean().backward()
        optimizer.step()

    return step


def hugging_face(options: argparse.Namespace, values: Tensor) -> tuple[nn.Module, Callable]:
    """BertModel behind the same patch embedding."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=options.width,
        num_hidden_layers=options.num_layers,
        num_attention_heads=NUM_HEADS,
        intermediate_size=options.mlp_width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        vocab_size=2,
        attn_implementation="sdpa",
    )
    bert = BertModel(config, add_pooling_layer=False)
    patch = nn.Linear(NUM_BANDS, options.width)
    return (
        nn.ModuleList([bert, patch]),
        lambda: bert(inputs_embeds=patch(values)).last_hidden_state,
    )


def torch_encoder(options: argparse.Namespace, values: Tensor) -> tuple[nn.Module, Callable]:
    """Torch's own pre-norm encoder behind the same patch embedding."""
    layer = nn.TransformerEncoderLayer(
        options.width,
        NUM_HEADS,
        options.mlp_width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    stack = nn.TransformerEncoder(
        layer, options.num_layers, nn.LayerNorm(options.width), enable_nested_tensor=False
    )
    patch = nn.Linear(NUM_BANDS, options.width)
    return nn.ModuleList([stack, patch]), lambda: stack(patch(values))


def windrow_encoder(options: argparse.Namespace, values: Tensor) -> tuple[nn.Module, Callable]:
    """Our encoder, normalised values and dates in."""
    settings = encoder_settings(
        num_layers=options.num_layers, width=options.width, mlp_width=options.mlp_width
    )
    encoder = Encoder(settings, num_bands=NUM_BANDS)
    days = torch.linspace(0, 364, options.num_dates).long().expand(values.shape[:2])
    valid = torch.ones(values.shape[:2], dtype=torch.bool)
    return encoder, lambda: encoder(values, days, valid)


def main() -> None:
    """Measures steps in turn and prints the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--mlp-width", type=int, default=512)
    parser.add_argument("--num-dates", type=int, default=144)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-rounds", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    values = torch.randn(options.batch_size, options.num_dates, NUM_BANDS)
    builders = {"windrow": windrow_encoder, "torch_encoder": torch_encoder}
    if version("transformers") is None:
        sys.stderr.write("transformers is not installed: BertModel is left out\n")
    else:
        builders["hugging_face"] = hugging_face
    candidates = {
        f"{name}_{precision}": step_of(*build(options, values), bfloat16=precision == "bfloat16")
        for precision in ("float32", "bfloat16")
        for name, build in builders.items()
    }
    seconds = best_seconds(candidates, num_rounds=options.num_rounds)
    result = {
        "benchmark": "train_cpu",
        **setting("torch", "transformers", threads=1, **vars(options)),
        "milliseconds_a_series": {
            name: round(1e3 * value / options.batch_size, 3) for name, value in seconds.items()
        },
    }
    for precision in ("float32", "bfloat16"):
        for peer in set(builders) - {"windrow"}:
            ratio = seconds[f"{peer}_{precision}"] / seconds[f"windrow_{precision}"]
            result[f"ratio_to_{peer}_{precision}"] = round(ratio, 2)
    for peer in set(builders) - {"windrow"}:
        ratio = seconds[f"{peer}_float32"] / seconds["windrow_bfloat16"]
        result[f"ratio_of_bfloat16_to_{peer}_float32"] = round(ratio, 2)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
