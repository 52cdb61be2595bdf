"""The training loop for pre-training and for heads.

The loop is independent of data, tasks and files. The caller passes a function that computes the
losses of a step, and a function ``on_step`` that receives the results. A step is a pure function
of its number, so that a run resumed at step s equals an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from windrow.training.distributed import Processes


def train(
    module: nn.Module,
    *,
    optimizer: Optimizer,
    compute_loss: Callable[[int], Mapping[str, Tensor]],
    steps: range,
    learning_rate: Callable[[int], float] | None = None,
    gradient_clip: float | None = None,
    processes: Processes | None = None,
    on_step: Callable[[int, Mapping[str, Tensor | float]], None] | None = None,
) -> None:
    """Trains a module step by step.

    Args:
        module: the module to train. It is put into training mode before every step, so that
            ``on_step`` may evaluate it.
        optimizer: optimizer of the module's parameters, with its state.
        compute_loss: function that gives the losses of a step by name; ``loss`` is the total to
            minimise.
        steps: numbers of the steps to do. A resumed run does not begin at 0.
        learning_rate: function that gives the learning rate of a step; None keeps the optimizer's
            own rate.
        gradient_clip: largest norm of the whole gradient; None does not clip.
        processes: the processes of the training, over which gradients and losses are averaged.
        on_step: told after each update: the step just done, its losses (detached), its
            ``learning_rate`` and, where it is clipped, the ``gradient_norm`` before clipping.

    Example:
        >>> import torch
        >>> line = nn.Linear(1, 1, bias=False)
        >>> x = torch.tensor([[1.0], [2.0]])
        >>> train(
        ...     line,
        ...     optimizer=torch.optim.SGD(line.parameters(), lr=0.1),
        ...     compute_loss=lambda step: {"loss": ((line(x) - 3 * x) ** 2).mean()},
        ...     steps=range(100),
        ... )
        >>> round(line.weight.item(), 3)
        3.0
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for step in steps:
        module.train()
        if learning_rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step)
        losses = compute_loss(step)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        record: dict[str, Tensor | float] = {name: value.detach() for name, value in losses.items()}
        if processes is not None:
            processes.mean_gradients(module)
            processes.mean([value.detach() for value in losses.values()])
        if gradient_clip is not None:
            record["gradient_norm"] = nn.utils.clip_grad_norm_(parameters, gradient_clip)
        optimizer.step()
        record["learning_rate"] = float(optimizer.param_groups[0]["lr"])
        if on_step is not None:
            on_step(step, record)
