"""Several processes, one training: each takes its share of every batch and all take one step.

Started by ``torchrun``, which tells each process its place. Every process holds all series and
draws the masks of the whole batch, so that the batch, its masks and its loss are those of one
process; gradients are averaged in one flat tensor before clipping, which keeps the parameters
equal everywhere. The first process alone writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, nn
from torch import distributed as dist

from windrow.errors import SettingsError

_TIMEOUT = timedelta(hours=2)
"""How long the others wait while the first process evaluates."""


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: 0 for the first.
        number: of processes.
    """

    rank: int = 0
    number: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice | None:
        """The series of a batch that are this process's; None where all are.

        Raises:
            SettingsError: the batch cannot be cut into equal parts.

        Example:
            >>> Processes(rank=1, number=2).rows(8)
            slice(4, 8, None)
        """
        if self.number == 1:
            return None
        if batch_size % self.number:
            raise SettingsError(
                "the batch cannot be cut into equal parts",
                where="setting batch_size",
                found=f"{batch_size} over {self.number} processes",
                expected=f"a multiple of {self.number}",
            )
        share = batch_size // self.number
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors of one precision by their means over the processes, in one message."""
        if self.number == 1 or not tensors:
            return
        if len(tensors) == 1 and tensors[0].is_contiguous():
            dist.all_reduce(tensors[0])
            tensors[0].div_(self.number)
            return
        flat = torch.cat([values.reshape(-1) for values in tensors])
        dist.all_reduce(flat)
        flat.div_(self.number)
        parts = torch.split(flat, [values.numel() for values in tensors])
        for values, part in zip(tensors, parts, strict=True):
            values.copy_(part.view_as(values))

    def mean_gradients(self, module: nn.Module) -> None:
        """Averages the gradients of a module."""
        self.mean([p.grad for p in module.parameters() if p.grad is not None])

    def mean_count(self, count: Tensor) -> Tensor:
        """The mean over the processes of a () count.

        A loss that divides its own sum by it, averaged over the processes, is the sum of all
        divided by the count of all.
        """
        if self.number == 1:
            return count
        total = count.to(torch.float32)
        dist.all_reduce(total)
        return total / self.number

    def wait(self) -> None:
        """Waits until all processes are here."""
        if self.number > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[tuple[Processes, str]]:
    """Joins the processes that ``torchrun`` started; alone where it did not.

    Args:
        device: cpu or cuda.

    Yields:
        this process among them, and its own device.
    """
    number = int(os.environ.get("WORLD_SIZE", "1"))
    if number == 1:
        yield Processes(), device
        return
    own = device
    if device == "cuda":
        own = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(own)
    outer = dist.is_initialized()
    if not outer:
        dist.init_process_group("nccl" if own.startswith("cuda") else "gloo", timeout=_TIMEOUT)
    try:
        yield Processes(rank=dist.get_rank(), number=number), own
    finally:
        if not outer:
            dist.destroy_process_group()
