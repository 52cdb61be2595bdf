"""How fast, not what: device and precision, which change nothing beyond rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from windrow.config import Settings
from windrow.errors import SettingsError

Precision = Literal["auto", "float32", "bfloat16"]


class ExecutionSettings(Settings):
    """Where and how fast a training runs; no part of what makes two runs the same.

    Equal bytes are promised for one precision on one kind of processor.
    """

    device: str = Field("cpu", description="cpu, or cuda")
    precision: Precision = Field(
        "auto", description="of the matrix products; auto: bfloat16 where the hardware has it"
    )

    def resolved(self) -> ExecutionSettings:
        """The same settings with ``auto`` decided.

        Raises:
            SettingsError: the device is unknown or not there.

        Example:
            >>> ExecutionSettings(precision="float32").resolved().precision
            'float32'
        """
        if self.device != "cpu" and not (
            self.device.startswith("cuda") and torch.cuda.is_available()
        ):
            raise SettingsError(
                "no such device", where="setting device", found=self.device, hint="use cpu"
            )
        if self.precision != "auto":
            return self
        fast = has_fast_bfloat16(self.device)
        return self.model_copy(update={"precision": "bfloat16" if fast else "float32"})

    def autocast(self) -> torch.autocast:
        """The context in which a model runs forward."""
        return torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def has_fast_bfloat16(device: str, *, processor_file: str | Path = "/proc/cpuinfo") -> bool:
    """Whether the hardware multiplies in bfloat16.

    On a processor that has not, autocast runs at about a seventh of float32's speed; on one that
    has (AVX512_BF16, AMX) training took half the time.

    Args:
        device: cpu or cuda.
        processor_file: what Linux says of the processor; elsewhere the answer is no.
    """
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    try:
        flags = set(Path(processor_file).read_text(encoding="utf-8").split())
    except OSError:
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16"})
