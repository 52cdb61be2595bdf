"""Backends that compute the representation: torch and ONNX Runtime.

Torch in float32 is the reference. ONNX Runtime in float32 agrees with it to 1e-5. Torch in
bfloat16 and ONNX Runtime with 8-bit weights agree with it to a cosine of at least 0.999 per date.
The choice of a backend changes speed and precision, never the quantity computed.
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
    """An encoder that can run."""

    @property
    def description(self) -> str:
        """Name and precision of the backend, such as ``torch float32``."""
        ...

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Computes the representation of every date.

        Args:
            reflectance: (N, T, B), the encoder's bands in its order, x 10,000.
            day_of_year: (N, T) 0..365 where valid.
            valid: (N, T) bool.
            present: (B,) bool, True for the bands that the series have; None if they have all.

        Returns:
            (N, T, D) float32. Values at invalid dates are finite and have no meaning.
        """
        ...


class TorchBackend:
    """Runs an encoder in torch.

    Args:
        encoder: the module; it is put into evaluation mode.
        header: header of its weights.
        device: device of the computation, such as ``cpu`` or ``cuda``.
        precision: precision of the matrix products.
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
            # Weights are rounded once. Norms and the residual sum stay in float32.
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
        """Name and precision of the backend."""
        return f"torch {self._precision}"

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Computes the representation of every date; see :meth:`Backend.encode`."""

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
    """Runs an ONNX file in ONNX Runtime on the CPU, with as many threads as torch uses.

    Args:
        content: bytes from :func:`windrow.inference.onnx.graph.onnx_bytes`.
        where: name of the file in errors.

    Attributes:
        header: header of the weights.
        content_hash: hash of the exported weights.

    Raises:
        SettingsError: the package onnxruntime is not installed.
        WeightsError: the file is not a windrow encoder, is of another version, or is damaged.
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
        except Exception as error:  # the runtime raises many kinds of error
            raise WeightsError(
                "the ONNX file cannot be read",
                where=where,
                found=str(error).splitlines()[0][:120],
                hint="export it again with 'windrow export'",
            ) from None
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        if metadata.get("format") != FORMAT:
            raise WeightsError(
                "this ONNX file is not a windrow encoder",
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
        self._options.only_execute_path_to_fetches = True  # the poolings are not needed here
        self.header = parse_header(str(where), metadata)
        self.content_hash = metadata["content_hash"]

    @property
    def description(self) -> str:
        """Name and precision of the backend."""
        return f"onnx {self._precision}"

    @property
    def precision(self) -> str:
        """Precision of the matrix products, ``float32`` or ``int8``."""
        return str(self._precision)

    def encode(
        self,
        reflectance: npt.NDArray[np.int16],
        day_of_year: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Computes the representation, zero at invalid dates; see :meth:`Backend.encode`."""
        inputs = {
            "reflectance": np.ascontiguousarray(reflectance),
            "day_of_year": np.where(valid, day_of_year, 0).astype(np.int16),
            "valid": np.ascontiguousarray(valid),
            "year": np.zeros(len(valid), dtype=np.int16),  # only the monthly means need it
        }
        if self.header.min_bands is not None:
            every = np.ones(len(self.header.bands), dtype=np.bool_)
            inputs["present"] = every if present is None else present
        found = self._session.run(["z"], inputs, self._options)
        return np.asarray(found[0], dtype=np.float32)


def choose_backend(
    backend: BackendName, precision: Precision, *, device: str, exportable: bool = True
) -> Literal["torch", "onnx"]:
    """Chooses the backend for weights from a safetensors file.

    ``auto`` chooses ONNX Runtime for 8-bit weights, which torch does not support here. It also
    chooses ONNX Runtime for float32 on the CPU if the packages onnx and onnxruntime are installed.
    Otherwise it chooses torch.

    Args:
        backend: the backend asked for: ``torch``, ``onnx`` or ``auto``.
        precision: precision of the matrix products.
        device: device of the computation.
        exportable: whether the encoder is a transformer, the only kind with an ONNX graph.

    Returns:
        The backend to use.

    Raises:
        SettingsError: the backend or precision is unknown, or the two cannot be combined.

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
        raise SettingsError("the backend onnx runs on the CPU only", found=f"device {device}")
    return backend


def onnx_backend(
    encoder: Encoder, *, header: WeightsHeader, content_hash: str, precision: OnnxPrecision
) -> OnnxBackend:
    """Opens an encoder in ONNX Runtime without writing a file.

    Args:
        encoder: the encoder to export.
        header: header of its weights.
        content_hash: hash of its weights.
        precision: precision of the matrix products.

    Raises:
        SettingsError: onnx or onnxruntime is not installed.
    """
    _require_onnxruntime()
    return OnnxBackend(
        onnx_bytes(encoder, header=header, content_hash=content_hash, precision=precision)
    )


def open_onnx(path: str | Path) -> OnnxBackend:
    """Opens an ONNX file.

    Raises:
        SettingsError: the package onnxruntime is not installed.
        WeightsError: the file is missing, is damaged or is not a windrow encoder.
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
