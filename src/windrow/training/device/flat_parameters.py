"""The parameters of a module in a few flat tensors, and AdamW on them.

With hundreds of small tensors an optimizer spends most of its time on launches. Here every kind of
parameter (decayed or not, multiplied in bfloat16 or not) is one tensor with its moments. The
module's own parameters and the optimizer's state are views of these tensors, so that checkpoints
and validation need no change. Matrix products read bfloat16 copies, which are written once per
step from the float32 master weights, instead of a cast at every use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import AdamW

PRODUCTS = (nn.Linear, nn.Conv1d)
"""Types of modules whose parameters enter matrix products."""


@dataclass(frozen=True)
class Segment:
    """Parameters with the same decay and precision.

    Attributes:
        names: names of the parameters, in their order.
        sizes: number of values of each parameter.
        decay: weight decay.
        master: (P,) float32 values of the parameters.
        exp_avg: (P,) first moment.
        exp_avg_sq: (P,) second moment.
        gradient: (P,) in the precision of the backward pass.
        low: (P,) bfloat16 copy of ``master`` for the matrix products, or None.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    decay: float
    master: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    gradient: Tensor
    low: Tensor | None

    def collect(self, gradients: Mapping[str, Tensor]) -> None:
        """Copies the gradients of the parameters into ``gradient``."""
        torch.cat([gradients[name].reshape(-1) for name in self.names], out=self.gradient)


@dataclass(frozen=True)
class UpdateScalars:
    """Factors of an update, () float32 tensors on the device.

    Attributes:
        clip: factor on the gradient.
        rate: learning rate.
        step_size: learning rate divided by the first bias correction.
        root_correction: square root of the second bias correction.
    """

    clip: Tensor
    rate: Tensor
    step_size: Tensor
    root_correction: Tensor


def adamw_update(  # noqa: PLR0917 (a compiled function takes its tensors by position)
    master: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
    gradient: Tensor,
    low: Tensor | None,
    scalars: tuple[Tensor, Tensor, Tensor, Tensor],
    constants: tuple[float, float, float, float],
) -> None:
    """Does one step of AdamW (Loshchilov & Hutter 2019) in place, with the formula of torch.

    It uses plain tensor operations, so that it can be compiled into one kernel.

    Args:
        master: (P,) parameters, float32.
        exp_avg: (P,) first moment.
        exp_avg_sq: (P,) second moment.
        gradient: (P,) gradient before clipping.
        low: (P,) copy of the parameters in lower precision, or None.
        scalars: clip, rate, step_size and root_correction of :class:`UpdateScalars`.
        constants: weight decay, the two betas, and eps.
    """
    clip, rate, step_size, root_correction = scalars
    decay, beta1, beta2, eps = constants
    clipped = gradient.float() * clip
    first = exp_avg + (clipped - exp_avg) * (1 - beta1)
    second = exp_avg_sq * beta2 + clipped * clipped * (1 - beta2)
    denominator = second.sqrt() / root_correction + eps
    updated = master * (1 - rate * decay) - step_size * first / denominator
    exp_avg.copy_(first)
    exp_avg_sq.copy_(second)
    master.copy_(updated)
    if low is not None:
        low.copy_(updated)


class FlatParameters:
    """The parameters of a module that affect a loss, with their AdamW.

    Args:
        module: the module. Its parameters become views of the flat tensors and stay the same
            objects.
        optimizer: optimizer of the module. Its state is taken over and becomes views as well.
        used: names of the parameters that affect the loss. Others stay unchanged, as in a plain
            step, which gives them no gradient.
        low_precision: whether to keep bfloat16 copies for the matrix products.

    Attributes:
        runner: copy of the module on the same memory, which the steps use. With ``low_precision``
            its matrix products are in bfloat16 without autocast.
    """

    def __init__(
        self, module: nn.Module, optimizer: AdamW, *, used: set[str], low_precision: bool
    ) -> None:
        self.runner = copy.deepcopy(module)
        self.names = tuple(name for name, _ in module.named_parameters() if name in used)
        self.num_steps = torch.zeros(())
        self._optimizer = optimizer
        self._products = _product_names(module) if low_precision else set()
        parameters = dict(module.named_parameters())
        self.segments = tuple(
            self._segment(parameters, names, float(group["weight_decay"]), low)
            for group in optimizer.param_groups
            for low in (True, False)
            if (names := self._names_of(parameters, group["params"], low))
        )

    @property
    def betas(self) -> tuple[float, float]:
        """Decay rates of the two moments."""
        first, second = self._optimizer.param_groups[0]["betas"]
        return float(first), float(second)

    @property
    def eps(self) -> float:
        """Number added to the root of the second moment."""
        return float(self._optimizer.param_groups[0]["eps"])

    def leaves(self) -> list[Tensor]:
        """Lists the parameters of ``runner`` that need gradients, in the order of ``names``."""
        parameters = dict(self.runner.named_parameters())
        return [parameters[name] for name in self.names]

    def collect(self, gradients: Sequence[Tensor]) -> None:
        """Copies the gradients of :meth:`leaves` into the flat tensors."""
        by_name = dict(zip(self.names, gradients, strict=True))
        for segment in self.segments:
            segment.collect(by_name)

    def gradient_norm(self) -> Tensor:
        """Computes the norm of the whole gradient, () float32."""
        norms = [
            torch.linalg.vector_norm(segment.gradient, dtype=torch.float32)
            for segment in self.segments
        ]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return norm

    def update(
        self,
        scalars: UpdateScalars,
        update: Callable[..., None] = adamw_update,
    ) -> None:
        """Does one step of AdamW. ``update`` may be a compiled :func:`adamw_update`."""
        betas, eps = self.betas, self.eps
        for segment in self.segments:
            update(
                segment.master,
                segment.exp_avg,
                segment.exp_avg_sq,
                segment.gradient,
                segment.low,
                (scalars.clip, scalars.rate, scalars.step_size, scalars.root_correction),
                (segment.decay, *betas, eps),
            )

    def _names_of(
        self, parameters: Mapping[str, nn.Parameter], grouped: Iterable[nn.Parameter], low: bool
    ) -> tuple[str, ...]:
        own = {id(parameter) for parameter in grouped}
        return tuple(
            name
            for name in self.names
            if id(parameters[name]) in own and (name in self._products) == low
        )

    def _segment(
        self,
        parameters: Mapping[str, nn.Parameter],
        names: tuple[str, ...],
        decay: float,
        low: bool,
    ) -> Segment:
        chosen = [parameters[name] for name in names]
        sizes = tuple(parameter.numel() for parameter in chosen)
        master = torch.cat([parameter.detach().reshape(-1) for parameter in chosen])
        copied = master.bfloat16() if low else None
        moments = {key: torch.zeros_like(master) for key in ("exp_avg", "exp_avg_sq")}
        copies = dict(self.runner.named_parameters())
        start = 0
        for name, parameter, size in zip(names, chosen, sizes, strict=True):
            part = slice(start, start + size)
            state = self._optimizer.state[parameter]
            for key, values in moments.items():
                if key in state:
                    values[part].copy_(state[key].reshape(-1))
                state[key] = values[part].view_as(parameter)
            if "step" in state:
                self.num_steps.copy_(state["step"])
            state["step"] = self.num_steps
            parameter.data = master[part].view_as(parameter)
            seen = master if copied is None else copied
            copies[name].data = seen[part].view_as(parameter)
            start += size
        return Segment(
            names=names,
            sizes=sizes,
            decay=decay,
            master=master,
            gradient=torch.zeros_like(master if copied is None else copied),
            low=copied,
            **moments,
        )


def _product_names(module: nn.Module) -> set[str]:
    return {
        f"{prefix}.{name}".strip(".")
        for prefix, child in module.named_modules()
        if isinstance(child, PRODUCTS)
        for name, _ in child.named_parameters(recurse=False)
    }
