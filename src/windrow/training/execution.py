"""Settings of device and precision, which change results by rounding only."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from windrow.config import Settings
from windrow.errors import SettingsError

TrainingPrecision = Literal["auto", "float32", "bfloat16"]
Switch = Literal["auto", "on", "off"]


PACKED_BELOW = 0.9
"""Share of valid dates below which ``auto`` packs the series."""


class ExecutionSettings(Settings):
    """Device, precision and speed of a training. They are not part of a run's identity.

    Equal bytes are guaranteed for one precision on one kind of processor.
    """

    device: str = Field("cpu", description="cpu, or cuda")
    precision: TrainingPrecision = Field(
        "auto", description="of the matrix products; auto: bfloat16 where the hardware has it"
    )
    graph: Switch = Field(
        "auto", description="capture a step in one CUDA graph; auto: where there is CUDA"
    )
    compile: Switch = Field(
        "auto", description="fused or compiled blocks and AdamW; auto: with the graph"
    )
    packing: Switch = Field(
        "auto", description="drop invalid dates from the encoder's work; auto: where it pays"
    )

    def resolved(self) -> ExecutionSettings:
        """Replaces every ``auto`` by a decision.

        Raises:
            SettingsError: the device is unknown or absent, or lacks graphs or a compiler.

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
        cuda = self.device != "cpu"
        if self.graph == "on" and not cuda:
            raise SettingsError(
                "a step can be captured on CUDA only",
                where="setting graph",
                found=f"on, with device {self.device}",
                hint="use graph = auto",
            )
        if self.compile == "on" and not cuda and shutil.which(_compiler()) is None:
            raise SettingsError(
                "compiling for the processor needs a C++ compiler",
                where="setting compile",
                found=f"on, and no {_compiler()}",
                hint="install it, or name another in the variable CXX, or use compile = auto",
            )
        changes: dict[str, str] = {}
        if self.graph == "auto":
            changes["graph"] = "on" if cuda else "off"
        if self.compile == "auto":
            changes["compile"] = changes.get("graph", self.graph)
        if self.precision == "auto":
            fast = has_fast_bfloat16(self.device)
            changes["precision"] = "bfloat16" if fast else "float32"
        return self.model_copy(update=changes)

    @property
    def on_device(self) -> bool:
        """Whether steps run on the device alone (:mod:`windrow.training.device.cuda_graph`)."""
        return "on" in {self.graph, self.compile}

    def packs(self, share_valid: float) -> bool:
        """Decides whether to pack series with this share of valid dates.

        Moving tokens costs a few percent of a step, so ``auto`` packs only if it saves more.
        """
        if self.packing == "auto":
            return share_valid < PACKED_BELOW
        return self.packing == "on"

    def autocast(self) -> torch.autocast:
        """Gives the autocast context for the forward pass."""
        return torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def _compiler() -> str:
    """Gives the name of the C++ compiler that torch calls."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return os.environ.get("CXX", usual)


def has_fast_bfloat16(device: str, *, processor_file: str | Path = "/proc/cpuinfo") -> bool:
    """Checks whether the hardware multiplies in bfloat16.

    On a CPU without it, autocast runs at about a seventh of the speed of float32. On a CPU with it
    (AVX512_BF16, AMX), training took half the time.

    Args:
        device: cpu or cuda.
        processor_file: Linux's description of the CPU. Without this file the result is False.
    """
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    try:
        flags = set(Path(processor_file).read_text(encoding="utf-8").split())
    except OSError:
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16"})
