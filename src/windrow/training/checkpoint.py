"""Checkpoints: module, optimizer and step in one safetensors file, written atomically.

The file holds the identity of its run (settings and data). A run with another identity is refused,
so that no run is continued by mistake. There is no random state to save, because every draw of a
step depends on the seed and the step alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from windrow.errors import SettingsError, WeightsError
from windrow.files import atomic_file
from windrow.json_values import JsonObject, JsonSerializable
from windrow.models.weights import load_state, read_tensors

FORMAT = "windrow checkpoint"
VERSION = 2
"""Version 2 draws masks per series, so a run of version 1 would not continue as it began."""


def save_checkpoint(
    path: str | Path,
    *,
    module: nn.Module,
    optimizer: Optimizer,
    step: int,
    identity: Mapping[str, JsonSerializable],
) -> None:
    """Writes a checkpoint. It replaces an earlier one only after it is complete.

    Args:
        path: path of the file.
        module: the module in training.
        optimizer: optimizer of the module's parameters.
        step: the first step still to be done.
        identity: settings and data of the run, as JSON values.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {f"module.{name}": values for name, values in module.state_dict().items()}
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    for parameter, state in optimizer.state.items():
        for key, values in state.items():
            tensors[f"optimizer.{names[id(parameter)]}.{key}"] = values
    header = {"format": FORMAT, "version": VERSION, "step": step, "identity": dict(identity)}
    with atomic_file(path) as temporary:
        save_file(
            # Parameters may be views of one tensor, which a file cannot hold, so they are copied.
            {name: values.detach().cpu().contiguous().clone() for name, values in tensors.items()},
            temporary,
            metadata={"windrow": json.dumps(header, sort_keys=True)},
        )


def load_checkpoint(
    path: str | Path,
    *,
    module: nn.Module,
    optimizer: Optimizer,
    identity: Mapping[str, JsonSerializable],
) -> int:
    """Restores a module and its optimizer from a checkpoint.

    Args:
        path: path of the file.
        module: the module to restore.
        optimizer: optimizer of the module's parameters.
        identity: settings and data of the run, as JSON values.

    Returns:
        The first step still to be done.

    Raises:
        SettingsError: the checkpoint belongs to a run with other settings or data. The message
            names the first difference.
        WeightsError: the file is missing, cut short, or not a checkpoint of such a module.
    """
    metadata, tensors = read_tensors(path)
    header = _header(path, metadata)
    check_identity(header.identity, identity, where=path)
    own = {
        name.removeprefix("module."): values
        for name, values in tensors.items()
        if name.startswith("module.")
    }
    load_state(module, own, where=path)
    for name, parameter in module.named_parameters():
        state: dict[str, Tensor] = {}
        for key in ("step", "exp_avg", "exp_avg_sq"):
            values = tensors.get(f"optimizer.{name}.{key}")
            if values is not None:
                # AdamW keeps its count of steps on the CPU.
                state[key] = values if key == "step" else values.to(parameter.device)
        if state:
            optimizer.state[parameter] = state
    return header.step


def check_identity(
    found: Mapping[str, JsonSerializable],
    expected: Mapping[str, JsonSerializable],
    *,
    where: object,
) -> None:
    """Refuses to continue a run with other settings or data.

    Args:
        found: identity of the run on disk.
        expected: identity of the requested run.
        where: path of the file with the identity on disk.

    Raises:
        SettingsError: the identities differ. The message names the first difference.
    """
    difference = _first_difference(dict(found), json.loads(json.dumps(dict(expected))), "")
    if difference is not None:
        name, before, now = difference
        raise SettingsError(
            f"the run on disk has another {name}",
            where=where,
            found=before,
            expected=now,
            hint="resume with the same settings and data, or start a new run",
        )


def _first_difference(found: Any, expected: Any, name: str) -> tuple[str, Any, Any] | None:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in (*expected, *(key for key in found if key not in expected)):
            inner = _first_difference(
                found.get(key, "none"), expected.get(key, "none"), f"{name}.{key}".strip(".")
            )
            if inner is not None:
                return inner
        return None
    return None if found == expected else (name, found, expected)


@dataclass(frozen=True)
class _Header:
    """The metadata of a checkpoint.

    Attributes:
        step: the first step still to be done.
        identity: settings and data of the run.
    """

    step: int
    identity: JsonObject


def _header(path: str | Path, metadata: Mapping[str, str]) -> _Header:
    try:
        header = json.loads(metadata.get("windrow", ""))
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise WeightsError("the file is no windrow checkpoint", where=path)
    if header.get("version") != VERSION:
        raise WeightsError(
            "the checkpoint is of another version",
            where=path,
            found=header.get("version"),
            expected=VERSION,
            hint="start a new run",
        )
    step, identity = header.get("step"), header.get("identity")
    if not isinstance(step, int) or not isinstance(identity, dict):
        raise WeightsError("the checkpoint has a damaged header", where=path)
    return _Header(step, identity)
