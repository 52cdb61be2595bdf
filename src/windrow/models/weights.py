"""Weights on disk: safetensors whose header says all that is needed to use them; no pickle.

The header carries the encoder's settings, the bands in order, the processing level, the
normalisation, whether the training data were simulated, the hash of the training settings and
the provenance, as one JSON text under the key ``windrow`` (one key, because safetensors does not
keep the order of several, and equal content must be equal bytes).
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from windrow import sensors
from windrow.config import Settings
from windrow.data.normalization import Normalization
from windrow.data.series import ProcessingLevel
from windrow.errors import BandError, DataError, SettingsError, WeightsError
from windrow.files import atomic_file
from windrow.json_values import JsonObject
from windrow.models.encoders.build import (
    TRANSFORMER,
    AnyEncoderSettings,
    build_encoder,
    encoder_width,
)
from windrow.models.encoders.transformer import EncoderSettings

FORMAT = "windrow weights"
VERSION = 1
ENCODER_PREFIX = "encoder."
BATCH_COUNT = "num_batches_tracked"
"""What batch norm calls its count of steps."""


class BandMoments(Settings):
    """Mean and standard deviation of reflectance a band; see :class:`Normalization`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, normalization: Normalization) -> BandMoments:
        """Computes the moments of a normalisation."""
        return cls.model_validate(normalization.to_dict())

    def normalization(self) -> Normalization:
        """Computes the normalisation with these moments."""
        return Normalization(np.array(self.mean), np.array(self.std))


class WeightsHeader(Settings):
    """What the weights mean."""

    format: Literal["windrow weights"]
    version: Literal[1]
    encoder: AnyEncoderSettings = Field(description="which kind of encoder, and its shape")
    bands: tuple[str, ...] = Field(description="Sentinel-2 bands, in the order of the input")
    processing_level: ProcessingLevel
    normalization: BandMoments = Field(description="of the Sentinel-2 bands")
    target_normalization: BandMoments | None = Field(
        description="of what was predicted: the four PlanetScope bands, or Sentinel-2's"
    )
    simulated: bool = Field(description="True where the training data were simulated")
    max_dates: int | None = Field(
        None, ge=1, description="the most dates it reads of a series, the clearest; None: all"
    )
    min_bands: int | None = Field(
        None,
        ge=1,
        exclude_if=lambda value: value is None,  # absent, so that other headers keep their bytes
        description="the fewest of the bands that it was trained to read; None: all of them",
    )
    smoke_test: bool = Field(
        False,
        exclude_if=lambda value: not value,  # absent, so that other headers keep their bytes
        description="True for a recipe that only tests that training runs",
    )
    training_hash: str = Field(description="content hash of the training settings")
    provenance: JsonObject = Field(description="where the weights come from")

    def missing(self, bands: Sequence[str]) -> tuple[str, ...]:
        """Computes the bands that it reads and that are not among these.

        Raises:
            BandError: it was not trained to do without them.
        """
        missing = tuple(band for band in self.bands if band not in bands)
        num_present = len(self.bands) - len(missing)
        if missing and self.min_bands is None:
            raise BandError(
                f"the series lack band {' '.join(missing)}",
                found=" ".join(bands),
                expected=" ".join(self.bands),
                hint="give the missing bands, or use weights trained without them "
                "('windrow pretrain RECIPE --any-bands')",
            )
        if missing and num_present < (self.min_bands or 0):
            raise BandError(
                "the series have fewer bands than the weights were trained for",
                found=" ".join(bands),
                expected=f"at least {self.min_bands} of {' '.join(self.bands)}",
            )
        return missing

    @property
    def width(self) -> int:
        """D, the width of the representation."""
        return encoder_width(self.encoder, num_bands=len(self.bands))


def encoder_hash(header: WeightsHeader, tensors: Mapping[str, Tensor]) -> str:
    """Computes SHA-256 of what determines the representation: the encoder's tensors, its settings,
    bands, processing level and normalisation. Heads fitted on it carry this hash.

    Args:
        header: the header.
        tensors: the encoder's tensors by name, with or without others; ``encoder.`` counts.
    """  # noqa: D205
    meaning = header.model_dump(
        mode="json", include={"encoder", "bands", "processing_level", "normalization"}
    )
    if meaning["encoder"]["kind"] == TRANSFORMER:
        # Unnamed while it was the only kind: heads fitted on earlier weights still fit.
        del meaning["encoder"]["kind"]
    if header.max_dates is not None:  # otherwise absent, so that older hashes stay
        meaning["max_dates"] = header.max_dates
    digest = hashlib.sha256(json.dumps(meaning, sort_keys=True).encode())
    for name in sorted(tensors):
        if name.startswith(ENCODER_PREFIX):
            values = tensors[name].detach().cpu().contiguous().numpy()
            digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def write_weights(path: str | Path, module: nn.Module, *, header: WeightsHeader) -> None:
    """Writes a module's weights; it has its encoder as the attribute ``encoder``.

    Raises:
        OutputError: the file cannot be written.
    """
    # Copies: parameters may be views of one tensor, which a file cannot hold.
    tensors = {
        name: values.detach().cpu().contiguous().clone()
        for name, values in module.state_dict().items()
    }
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata={"windrow": header.to_json()})


def read_weights(path: str | Path) -> tuple[WeightsHeader, dict[str, Tensor]]:
    """Reads the header and all tensors of a weights file.

    Raises:
        WeightsError: the file is missing, no safetensors file, cut short, without our header, of
            another version, or holds values that are no numbers.
    """
    metadata, tensors = read_tensors(path)
    header = parse_header(path, metadata)
    for name, values in tensors.items():
        if name.endswith(BATCH_COUNT):  # a whole number that no output depends on
            continue
        if values.dtype != torch.float32:
            raise WeightsError(
                "a tensor of the weights has the wrong type",
                where=f"{path}, {name}",
                found=str(values.dtype).removeprefix("torch."),
                expected="float32",
            )
        if not bool(torch.isfinite(values).all()):
            raise WeightsError(
                "the weights hold values that are no numbers",
                where=f"{path}, {name}",
                hint="train again with a lower learning rate",
            )
    return header, tensors


def read_tensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Reads metadata and tensors of any safetensors file, with what can be wrong said in one line.

    Raises:
        WeightsError: the file is missing, is no safetensors file, or is cut short.
    """
    file = Path(path)
    if not file.is_file():
        raise WeightsError("no weights here", where=path, hint="give the path of a weights file")
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            metadata = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            "the weights cannot be read",
            where=path,
            found=_diagnosis(file, error),
            expected="a whole safetensors file",
            hint="copy or train it again",
        ) from None
    return metadata, tensors


def load_encoder(path: str | Path) -> tuple[nn.Module, WeightsHeader, str]:
    """Loads the encoder of a weights file, in evaluation mode and without gradients, with its hash.

    Raises:
        WeightsError: as :func:`read_weights`, or the tensors do not fit the header's settings.
    """
    header, tensors = read_weights(path)
    encoder = build_encoder(header.encoder, num_bands=len(header.bands))
    own = {
        name.removeprefix(ENCODER_PREFIX): values
        for name, values in tensors.items()
        if name.startswith(ENCODER_PREFIX)
    }
    load_state(encoder, own, where=path)
    encoder.eval().requires_grad_(False)
    return encoder, header, encoder_hash(header, tensors)


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], *, where: object) -> None:
    """Copies tensors into a module whose names and shapes must be the same.

    Raises:
        WeightsError: names the first tensor that is missing, unknown or of another shape.
    """
    expected = {name: tuple(values.shape) for name, values in module.state_dict().items()}
    found = {name: tuple(values.shape) for name, values in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise WeightsError(
                f"the weights are of another configuration: tensor {name}",
                where=where,
                found=found.get(name, "none"),
                expected=expected.get(name, "none"),
                hint="use the weights with the settings that they were trained with",
            )
    module.load_state_dict(dict(tensors))


def parse_header(path: str | Path, metadata: Mapping[str, str]) -> WeightsHeader:
    """Parses the header of a file from its metadata, key ``windrow``.

    Raises:
        WeightsError: there is none, or it is of another version.
    """
    text = metadata.get("windrow")
    try:
        values = json.loads(text) if text is not None else None
    except ValueError:
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise WeightsError(
            "the file has no windrow header",
            where=path,
            found=values.get("format") if isinstance(values, dict) else None,
            expected="weights of an encoder, written by 'windrow pretrain'",
            hint="weights of the crop classifier, such as windrow-1, go with 'windrow train' and"
            " 'windrow classify'",
        )
    if values.get("version") != VERSION:
        raise WeightsError(
            "the weights are of another version",
            where=path,
            found=values.get("version"),
            expected=VERSION,
            hint="use the version of windrow that wrote them, or train again",
        )
    try:
        header = WeightsHeader.from_dict(values)
        if sensors.check_bands(header.bands) != header.bands:
            raise BandError("band names are not canonical", found=" ".join(header.bands))
        num_bands = len(header.normalization.normalization().mean)
    except (SettingsError, BandError, DataError) as error:
        raise WeightsError("the weights' header is damaged", where=path, found=error) from None
    may_miss = isinstance(header.encoder, EncoderSettings) and header.encoder.missing_bands
    if (header.min_bands is not None) != may_miss:
        raise WeightsError(
            "the weights' header is damaged",
            where=path,
            found="min_bands" if header.min_bands is not None else "no min_bands",
            expected="min_bands exactly where the encoder may miss bands",
        )
    if num_bands != len(header.bands):
        raise WeightsError(
            "the weights' header is damaged",
            where=path,
            found=f"{num_bands} normalised bands",
            expected=f"{len(header.bands)}, one a band",
        )
    return header


def _diagnosis(path: Path, error: Exception) -> str:
    """Computes what is wrong with a file that safetensors refuses, in words."""
    size = path.stat().st_size
    with path.open("rb") as opened:
        start = opened.read(8)
    if start[:2] in (b"\x80\x02", b"\x80\x04", b"\x80\x05") or start[:4] == b"PK\x03\x04":
        return "a pickle or a PyTorch archive, which windrow never opens"
    if len(start) == 8 and start[:1] != b"" and struct.unpack("<Q", start)[0] > size:
        return f"{size} bytes, cut short or of another kind"
    return str(error).splitlines()[0][:120]
