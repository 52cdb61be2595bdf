"""The place network on disk: safetensors whose header holds its shape and the table of crops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from windrow.config import Settings
from windrow.errors import SettingsError, WeightsError
from windrow.files import atomic_file
from windrow.json_values import JsonObject
from windrow.models.place_network import PlaceNetwork, PlaceNetworkSettings
from windrow.models.weights import load_state, read_tensors

FORMAT = "windrow place network"


class PlaceWeightsHeader(Settings):
    """What the weights mean."""

    format: Literal["windrow place network"] = FORMAT  # type: ignore[assignment]
    version: Literal[1] = 1
    network: PlaceNetworkSettings
    crop_names: tuple[str, ...] = Field(description="table of crops that a prior is made of")
    untrained_crops: tuple[str, ...] = Field(
        description="crops of the table that no training place showed: they give no prior"
    )
    clear_below: int = Field(description="cloud probability 0..255 below which a date is clear")
    simulated: bool = Field(description="True where the training places were simulated")
    smoke_test: bool = Field(
        False,
        exclude_if=lambda value: not value,  # absent, so that other headers keep their bytes
        description="True for a recipe that only tests that training runs",
    )
    training_hash: str = Field(description="content hash of the training settings")
    provenance: JsonObject = Field(description="where the weights come from")


def write_place_weights(
    path: str | Path, network: PlaceNetwork, *, header: PlaceWeightsHeader, half: bool = False
) -> None:
    """Writes the weights of a network.

    Args:
        path: the file.
        network: with the shape of the header.
        header: what the weights mean.
        half: keep 16 bits a value.

    Raises:
        OutputError: the file cannot be written.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {
        name: values.detach().cpu().to(kind).contiguous().clone()
        for name, values in network.state_dict().items()
    }
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata={"windrow": header.to_json()})


def load_place_network(path: str | Path) -> tuple[PlaceNetwork, PlaceWeightsHeader]:
    """Loads the network of a weights file, in evaluation mode and without gradients.

    Raises:
        WeightsError: the file is missing, cut short, no weights of a place network, or holds
            values that are no numbers.
    """
    metadata, tensors = read_tensors(path)
    header = _header(path, metadata)
    network = PlaceNetwork(header.network, num_crops=len(header.crop_names))
    for name, values in tensors.items():
        if not bool(torch.isfinite(values).all()):
            raise WeightsError("the weights hold values that are no numbers", where=name)
    load_state(network, {name: values.float() for name, values in tensors.items()}, where=path)
    network.eval().requires_grad_(False)
    return network, header


def holds_place_network(path: str | Path) -> bool:
    """Whether a file holds a place network; only its header is read.

    Any other file, and one that cannot be read, gives False: its own reader says what is wrong.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            values = json.loads((opened.metadata() or {}).get("windrow", "null"))
    except (OSError, ValueError, RecursionError, SafetensorError):
        return False
    return isinstance(values, dict) and values.get("format") == FORMAT


def place_weights_hash(header: PlaceWeightsHeader, tensors: Mapping[str, Tensor]) -> str:
    """Computes SHA-256 of all that decides what the network says; classifiers carry it."""
    meaning = header.model_dump(mode="json", include={"network", "crop_names", "clear_below"})
    digest = hashlib.sha256(json.dumps(meaning, sort_keys=True).encode())
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().float().contiguous().numpy()
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _header(path: str | Path, metadata: Mapping[str, str]) -> PlaceWeightsHeader:
    try:
        values = json.loads(metadata.get("windrow", "null"))
    except ValueError:
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise WeightsError(
            "the file holds no place network",
            where=path,
            found=values.get("format") if isinstance(values, dict) else "no windrow header",
            expected="weights written by 'windrow pretrain windrow-1'",
        )
    try:
        return PlaceWeightsHeader.from_dict(values)
    except SettingsError as error:
        raise WeightsError("the weights' header is damaged", where=path, found=error) from None
