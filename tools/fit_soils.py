"""Makes the principal components of measured soils that ship with windrow.

Input: ``bands.csv``: 391 dry ground soils, measured in a laboratory (published under MIT with the R
package soilspec), under Gaussian responses of the bands of Sentinel-2 and PlanetScope. Output: the
mean logarithm of the reflectance and the first components with their deviations.

    python tools/fit_soils.py bands.csv src/windrow/simulation/surface/soils.safetensors
"""

import json
import sys

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from windrow.simulation.emulator import BANDS

NUM_COMPONENTS = 4


def main(source: str, target: str) -> None:
    """Fits the components and writes them."""
    table = pd.read_csv(source)
    columns = [band.removeprefix("planetscope_") for band in BANDS]
    values = np.log(table[columns].to_numpy(dtype=float))
    mean = values.mean(axis=0)
    _, singular, axes = np.linalg.svd(values - mean, full_matrices=False)
    deviation = singular / np.sqrt(len(values) - 1)
    print("explained", np.cumsum(singular**2)[:6] / (singular**2).sum())
    kept = axes[:NUM_COMPONENTS] * deviation[:NUM_COMPONENTS, None]
    scores = (values - mean) @ axes[:NUM_COMPONENTS].T / deviation[:NUM_COMPONENTS]
    left = values - mean - scores @ kept
    print("left over, deviation of the logarithm by band", left.std(axis=0).round(3))
    print("skewness of scores", ((scores**3).mean(axis=0)).round(2))
    header = {
        "source": "391 dry ground soils published with the R package soilspec (MIT); logarithms of "
        "reflectance, components times their deviation, by tools/fit_soils.py",
        "bands": json.dumps(list(BANDS)),
    }
    tensors = {"mean": mean.astype(np.float32), "components": kept.astype(np.float32)}
    save_file(tensors, target, metadata=header)


if __name__ == "__main__":
    main(*sys.argv[1:])
