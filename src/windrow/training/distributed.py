"""Training with several processes, each of which computes a share of every batch.

``torchrun`` starts the processes and gives each its rank. Every process holds all series and draws
the masks of the whole batch, so that the batch, its masks and its loss equal those of a single
process. Gradients are averaged in one flat tensor before clipping, which keeps the parameters
equal in all processes. Only the first process writes.
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
"""Longest time that the other processes wait while the first one evaluates."""


@dataclass(frozen=True)
class Processes:
    """The rank of this process, and the number of processes.

    Attributes:
        rank: rank of this process; 0 for the first.
        number: number of processes.
    """

    rank: int = 0
    number: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice | None:
        """Gives the rows of a batch for this process; None if it takes all of them.

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
        """Replaces tensors of one precision by their means over the processes.

        The processes exchange one message for all tensors.
        """
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
        """Averages a () count over the processes.

        Each process divides its own sum by this mean. The mean of the results over the processes
        is then the total sum divided by the total count.
        """
        if self.number == 1:
            return count
        total = count.to(torch.float32)
        dist.all_reduce(total)
        return total / self.number

    def wait(self) -> None:
        """Waits until all processes call this method."""
        if self.number > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[tuple[Processes, str]]:
    """Joins the processes started by ``torchrun``. Without ``torchrun`` there is one process.

    Args:
        device: cpu or cuda.

    Yields:
        The rank and number of processes, and the device of this process.
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
