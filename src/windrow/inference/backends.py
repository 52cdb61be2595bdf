"""What computes the representation: torch, or ONNX Runtime.

The plain path is torch in float32; every other one equals it: ONNX Runtime in float32 to 1e-5,
torch in bfloat16 and ONNX Runtime with 8-bit weights to a cosine of at least 0.999 a date. What is
computed is never a matter of the backend, only how fast and how exactly.
"""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.errors import SettingsError, WeightsError
from windrow.inference.onnx.graph import FORMAT, VERSION, OnnxPrecision, onnx_bytes
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import WeightsHeader, parse_header

BackendName = Literal["auto", "torch", "onnx"]
Precision = Literal["float32", "bfloat16", "int8"]


class Backend(Protocol):
    """The encoder, runnable."""

    @property
    def description(self) -> str:
        """Its name and precision, such as ``torch float32``."""
        ...

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The representation of every date.

        Args:
            reflectance: (N, T, B), the encoder's bands in its order, x 10,000.
            day_of_year: (N, T) 0..365 where valid.
            valid: (N, T).
            present: (B,) the bands that are there; None where all are.

        Returns:
            (N, T, D); what stands at invalid dates is finite and means nothing.
        """
        ...


class TorchBackend:
    """The encoder in torch.

    Args:
        encoder: the module; put into evaluation mode.
        header: what its weights mean.
        device: where it runs, such as ``cpu`` or ``cuda``.
        precision: of the matrix products.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        header: WeightsHeader,
        device: str = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self._encoder = encoder.eval().requires_grad_(False).to(device)
        self._autocast = precision == "bfloat16"
        if self._autocast and isinstance(encoder, Encoder):
            # Weights rounded once; norms and the sum that the blocks add to stay in float32.
            self._encoder = _with_rounded_products(encoder)
            self._autocast = False
        self._normalization = header.normalization.normalization()
        self._device = torch.device(device)
        self._precision = precision

    @property
    def encoder(self) -> nn.Module:
        """The module, in evaluation mode."""
        return self._encoder

    @property
    def description(self) -> str:
        """Its name and precision."""
        return f"torch {self._precision}"

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The representation of every date; see :class:`Backend`."""

        def on_device(array: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

        values = on_device(self._normalization.apply(reflectance) * valid[..., None])
        days = on_device(np.where(valid, day_of_year, 0))
        autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast)
        there = {} if present is None else {"present": on_device(present)}
        with torch.inference_mode(), autocast:
            z = self._encoder(values, days, on_device(valid), **there)
        encoded: npt.NDArray[np.float32] = z.float().cpu().numpy()
        return encoded


def _with_rounded_products(encoder: Encoder) -> Encoder:
    rounded = copy.deepcopy(encoder)
    for module in rounded.blocks.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
    return rounded


class OnnxBackend:
    """An ONNX file in ONNX Runtime, on the processor; as many threads as torch has.

    Args:
        content: the file of :func:`windrow.inference.onnx.graph.onnx_bytes`.
        where: what to call it in an error.

    Attributes:
        header: what its weights mean.
        content_hash: of the weights it was made from.

    Raises:
        SettingsError: the package onnxruntime is not installed.
        WeightsError: it is no ONNX file of ours, of another version, or damaged.
    """

    def __init__(self, content: bytes, *, where: object = "memory") -> None:
        runtime = _require_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime has one kind of error for each way to fail
            raise WeightsError(
                "the ONNX file cannot be read",
                where=where,
                found=str(error).splitlines()[0][:120],
                hint="export it again with 'windrow export'",
            ) from None
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        if metadata.get("format") != FORMAT:
            raise WeightsError(
                "this ONNX file is no encoder of windrow",
                where=where,
                found=metadata.get("format", "no format"),
                expected=FORMAT,
                hint="make one with 'windrow export'",
            )
        if metadata.get("version") != str(VERSION):
            raise WeightsError(
                "the ONNX file is of another version",
                where=where,
                found=metadata.get("version"),
                expected=VERSION,
                hint="export it again with this version of windrow",
            )
        self._precision = metadata["precision"]
        self._options = runtime.RunOptions()
        self._options.only_execute_path_to_fetches = True  # the poolings are not asked for
        self.header = parse_header(str(where), metadata)
        self.content_hash = metadata["content_hash"]

    @property
    def description(self) -> str:
        """Its name and precision."""
        return f"onnx {self._precision}"

    @property
    def precision(self) -> str:
        """``float32`` or ``int8``."""
        return str(self._precision)

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The representation of every date, zero at invalid ones; see :class:`Backend`."""
        inputs = {
            "reflectance": np.ascontiguousarray(reflectance),
            "day_of_year": np.where(valid, day_of_year, 0).astype(np.int16),
            "valid": np.ascontiguousarray(valid),
            "year": np.zeros(len(valid), dtype=np.int16),  # of the monthly means alone
        }
        if self.header.min_bands is not None:
            every = np.ones(len(self.header.bands), dtype=np.bool_)
            inputs["present"] = every if present is None else present
        found = self._session.run(["z"], inputs, self._options)
        return np.asarray(found[0], dtype=np.float32)


def choose_backend(
    backend: BackendName, precision: Precision, *, device: str, exportable: bool = True
) -> Literal["torch", "onnx"]:
    """Which backend runs weights from a safetensors file.

    ``auto`` takes ONNX Runtime where 8-bit weights are asked for, which only it has, and where it
    and the package onnx are installed and float32 on the processor is asked for; else torch.

    Args:
        backend: what is asked for.
        precision: of the matrix products.
        device: where it shall run.
        exportable: whether the encoder is a transformer, the one kind that has an ONNX graph.

    Raises:
        SettingsError: the backend or precision is unknown, or the two do not go together.

    Example:
        >>> choose_backend("auto", "bfloat16", device="cpu")
        'torch'
    """
    for name, value, known in (
        ("backend", backend, get_args(BackendName)),
        ("precision", precision, get_args(Precision)),
    ):
        if value not in known:
            raise SettingsError(f"unknown {name}", found=value, expected=", ".join(known))
    onnx_asked = backend == "onnx" or (backend == "auto" and precision == "int8")
    if onnx_asked and not exportable:
        raise SettingsError(
            "only transformer encoders run in ONNX Runtime", hint="use the backend torch in float32"
        )
    fits = {"torch": ("float32", "bfloat16"), "onnx": ("float32", "int8")}
    if backend == "auto":
        has_onnx = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
        fast = has_onnx and exportable and device == "cpu"
        return "onnx" if precision == "int8" or (precision == "float32" and fast) else "torch"
    if precision not in fits[backend]:
        raise SettingsError(
            f"the backend {backend} does not compute in {precision}",
            expected=" or ".join(fits[backend]),
        )
    if backend == "onnx" and device != "cpu":
        raise SettingsError("the backend onnx runs on the processor", found=f"device {device}")
    return backend


def onnx_backend(
    encoder: Encoder, *, header: WeightsHeader, content_hash: str, precision: OnnxPrecision
) -> OnnxBackend:
    """The encoder in ONNX Runtime, without a file in between.

    Raises:
        SettingsError: onnx or onnxruntime is not installed.
    """
    _require_onnxruntime()
    return OnnxBackend(
        onnx_bytes(encoder, header=header, content_hash=content_hash, precision=precision)
    )


def open_onnx(path: str | Path) -> OnnxBackend:
    """The encoder of an ONNX file.

    Raises:
        SettingsError: the package onnxruntime is not installed.
        WeightsError: the file is missing, damaged or not one of ours.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise WeightsError(
            "the ONNX file cannot be read", where=path, found=error.strerror
        ) from None
    return OnnxBackend(content, where=path)


def _require_onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise SettingsError(
            "the backend onnx needs the package onnxruntime",
            hint="install it: pip install 'windrow[onnx]'",
        ) from None
    return onnxruntime
