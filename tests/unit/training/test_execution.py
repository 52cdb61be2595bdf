import subprocess
import sys

import pytest

import windrow
from windrow.errors import SettingsError, WeightsError
from windrow.training.execution import ExecutionSettings, has_fast_bfloat16


def test_auto_is_decided_by_the_processor(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("flags : fpu avx512f avx512_bf16 sse\n")
    assert has_fast_bfloat16("cpu", processor_file=file)
    file.write_text("flags : fpu avx2\n")
    assert not has_fast_bfloat16("cpu", processor_file=file)
    assert not has_fast_bfloat16("cpu", processor_file=tmp_path / "none")
    fast = has_fast_bfloat16("cpu")
    decided = ExecutionSettings(precision="auto").resolved().precision
    assert decided == ("bfloat16" if fast else "float32")
    with pytest.raises(SettingsError, match="no such device; in setting device; found tpu"):
        ExecutionSettings(device="tpu").resolved()


def test_import_is_light_and_load_is_there():
    code = "import sys, windrow; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(WeightsError, match="no such weights; found nowhere"):
        windrow.load("nowhere")
