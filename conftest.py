"""What pytest leaves out where an optional package is missing."""

from importlib.util import find_spec

# Triton comes with torch for CUDA; the module cannot be imported without it.
collect_ignore = [] if find_spec("triton") else ["src/windrow/models/kernels.py"]
