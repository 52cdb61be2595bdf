"""Pre-training on one GPU beside Hugging Face's BertModel of the same shape; lines of JSON.

Everything is measured side by side in one run: the ceilings of the card (copy, matrix product),
the products, the attention and our kernels alone, the steps of every variant of the fast path, the
plain path, and BertModel eager and compiled with the same loss heads on the same batches, in turn
with ours. The loss curve of what ``pretrain`` does is laid over the plain one's. It needs torch,
numpy, pydantic and safetensors, and transformers for the comparison::

    python benchmarks/train_gpu.py --num-series 20000 --steps 3000 [--parts variants,hf,...]

Without a GPU the same parts run in a small shape, to see that they do::

    python benchmarks/train_gpu.py --device cpu --shape tiny --num-series 16 --steps 12 --block 2
"""

from __future__ import annotations

import argparse
import os
import platform
import traceback
from collections.abc import Callable, Sequence

import numpy as np
import torch

from gpu_training import card, paths, peer
from gpu_training.bench import Bench
from gpu_training.settings import SHAPES

PARTS: dict[str, Callable[[Bench], None]] = {
    "ceilings": card.ceilings,
    "products": card.products,
    "attention": card.attention,
    "kernels": card.kernels,
    "equality": paths.equality,
    "plain": paths.plain,
    "variants": paths.variants,
    "curve": paths.curve,
    "profile": paths.profile,
    "packed": paths.packed,
    "hf": peer.hf,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts asked for; a part that fails says so and the next goes on.

    Returns:
        the number of parts that failed.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="paper")
    parser.add_argument("--num-series", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=3_000, help="of the loss curve")
    parser.add_argument(
        "--plain-steps", type=int, help="of the plain path laid over it; all where left out"
    )
    parser.add_argument("--block", type=int, default=60, help="steps timed in one go")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--budget-s", type=float, default=540, help="begin no part after this")
    options = parser.parse_args(arguments)
    shape = SHAPES[options.shape]
    bench = Bench(
        options.device,
        shape,
        num_series=options.num_series,
        steps=options.steps,
        plain_steps=options.steps if options.plain_steps is None else options.plain_steps,
        block=options.block,
        budget_s=options.budget_s,
    )
    if bench.cuda and not torch.cuda.is_available():
        bench.tell(benchmark="train_gpu", skipped="there is no CUDA here")
        return 0
    if not bench.cuda:  # read when Triton is first imported
        os.environ["TRITON_INTERPRET"] = "1"
    bench.tell(
        benchmark="train_gpu", torch=torch.__version__, python=platform.python_version(),
        device=torch.cuda.get_device_name() if bench.cuda else "a processor: times mean nothing",
        numpy=np.__version__, cuda=torch.version.cuda, series=options.num_series, **vars(shape),
    )  # fmt: skip
    failed = 0
    for name in options.parts.split(","):
        if bench.late(name):
            continue
        try:
            PARTS[name](bench)
        except Exception:
            failed += 1
            bench.tell(part=name, error=traceback.format_exc()[-2500:])
        bench.clean()
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
