"""How fast, not what: device and precision, which change nothing beyond rounding."""

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
"""Share of valid dates below which ``auto`` packs."""


class ExecutionSettings(Settings):
    """Where and how fast a training runs; no part of what makes two runs the same.

    Equal bytes are promised for one precision on one kind of processor.
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
        """The same settings with ``auto`` decided.

        Raises:
            SettingsError: the device is unknown or not there, or has no graphs, or no compiler.

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
        """Whether series are packed, of whose dates this share is valid.

        Moving tokens costs a few percent of a step, so ``auto`` waits for more than that.
        """
        if self.packing == "auto":
            return share_valid < PACKED_BELOW
        return self.packing == "on"

    def autocast(self) -> torch.autocast:
        """The context in which a model runs forward."""
        return torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def _compiler() -> str:
    """The one that torch calls."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return os.environ.get("CXX", usual)


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
