"""Triton's kernels under pytest: interpreted on the CPU, left out where there is no Triton."""

import os
from importlib.util import find_spec

import torch

collect_ignore = [] if find_spec("triton") else ["src/windrow/models/kernels.py"]

# Here, and not beside the kernels' tests: Triton reads it when it is first imported, which may be
# by whatever file is collected first.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
