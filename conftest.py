"""What holds for all tests: Ctrl-C is heeded, and Triton's kernels are interpreted on the CPU."""

import builtins
import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch

collect_ignore = [] if find_spec("triton") else ["src/windrow/models/kernels/triton_kernels.py"]

# Here, and not beside the kernels' tests: Triton reads it when it is first imported, which may be
# by whatever file is collected first.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

# A shell starts what runs in its background with SIGINT ignored, and children inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _forget_last_value() -> Iterator[None]:
    """Removes the last value that a doctest displayed: tyro reads all names of ``builtins``."""
    yield
    vars(builtins).pop("_", None)
