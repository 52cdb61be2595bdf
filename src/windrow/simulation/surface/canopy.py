"""The reflectance of a stand of leaves over its ground.

Real canopies have gaps that no leaf area closes: a share ``cover`` of the ground is under the
canopy and the rest is seen bare (clumping, rows), as in Baret et al. (2007).
"""

from __future__ import annotations

import numpy as np

from windrow.simulation.emulator import Float32, emulator
from windrow.simulation.keyed_random import Floats

_HOT_SPOT = 0.12


def canopy_reflectance(
    green: Floats, dead: Floats, traits: dict[str, Floats], ground: Floats, zenith: Floats
) -> tuple[Float32, Floats]:
    """Computes reflectance (M, K, 16) and cover (M, K) of stands of green and dead leaves.

    Green and dead leaves are one layer of leaves of mean traits: PROSAIL knows one layer only.
    """
    total = np.maximum(green + dead, 1e-4)
    alive = green / total
    cover = traits["cover"] * (1 - np.exp(-0.85 * total / traits["cover"]))
    chlorophyll = traits["chlorophyll"] * alive
    parts = emulator()(
        {
            "leaf_structure": traits["structure"] + 0.4 * (1 - alive),
            "chlorophyll": chlorophyll,
            "carotenoids": traits["carotenoids"] * alive,
            "brown_pigment": traits["brown"] * alive + 0.9 * (1 - alive),
            "leaf_water": traits["water"] * (0.2 + 0.8 * alive),
            "dry_matter": traits["dry_matter"],
            "leaf_area_index": total / cover,
            "leaf_angle": traits["angle"],
            "hot_spot": np.array(_HOT_SPOT),
            "sun_zenith": zenith,
        }
    )
    share = cover[..., None].astype(np.float32)
    below = ground.astype(np.float32)
    return share * parts.over(below) + (1 - share) * below, cover
