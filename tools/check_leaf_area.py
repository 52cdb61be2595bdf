"""Compares simulated leaf area with field measurements, by crop and days after sowing.

    python tools/check_leaf_area.py REPOSITORY

REPOSITORY is the git directory of DSSAT/dssat-csm-data, fetched by hand: measurements of leaf area
(``LAID`` of the ``.??T`` files) with planting dates (``PDATE`` of the ``.??X`` files). The files
carry no licence: figures are compared, nothing is taken over. An experiment with several planting
dates is left out. Days after sowing are stretched to the simulated crop's own duration: stage 1 is
the harvest, of the measured crops the last day measured anywhere in the experiment.
"""

import itertools
import re
import subprocess
import sys

import numpy as np
import pandas as pd

from windrow.simulation.crop_table import CROP_TABLE, table_number
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.settings import EARTH
from windrow.simulation.worlds.world import simulate_place

CROPS = {
    "Maize": ("grain maize", -85.0, 40.0),
    "SweetCorn": ("sweet maize", -82.0, 29.0),
    "Soybean": ("soybean", -85.0, 40.0),
    "Peanut": ("groundnut", -82.0, 30.0),
    "Sunflower": ("sunflower", 1.0, 44.0),
    "Potato": ("potato", 6.0, 52.0),
    "Sugarbeet": ("sugar beet", 10.0, 52.0),
    "Tomato": ("tomato", -82.0, 29.0),
    "Rice": ("rice", 121.0, 14.0),
    "Sorghum": ("sorghum", 78.0, 17.0),
    "PearlMillet": ("pearl millet", 78.0, 17.0),
    "Cotton": ("cotton", -83.0, 32.0),
    "Drybean": ("beans", -76.0, 4.0),
    "Cowpea": ("cowpea", -82.0, 29.0),
    "Chickpea": ("chickpea", 78.0, 23.0),
    "Lentil": ("lentil", 36.0, 36.0),
    "Fababean": ("faba bean", -4.0, 38.0),
    "Canola": ("spring rapeseed", -97.0, 47.0),
    "Safflower": ("safflower", -110.0, 39.0),
    "Cassava": ("cassava", -76.0, 4.0),
    "Sugarcane": ("sugarcane", 31.0, -29.0),
    "Cabbage": ("cabbage", -82.0, 29.0),
}
STAGES = np.linspace(0, 1, 6)


def shown(repository: str, *what: str) -> str:
    """What git prints."""
    run = subprocess.run(["git", f"--git-dir={repository}", *what], capture_output=True, check=True)
    return run.stdout.decode("latin-1")


def day(code: str) -> int | None:
    """Days since 1900 of DSSAT's YYDDD."""
    if not re.fullmatch(r"\d{5}", code):
        return None
    return round(int(code[:2]) * 365.25) + int(code[2:])


def measured(repository: str, name: str, stem: str, suffix: str) -> pd.DataFrame:
    """Leaf area of an experiment by stage, empty where it has several plantings."""
    path = f"HEAD:{name}/{stem}.{suffix}"
    lines = shown(repository, "show", f"{path}X").splitlines()
    planted, inside = set(), False
    for line in lines:
        inside = line.startswith("@P PDATE") or (inside and not line.startswith(("@", "*")))
        if inside and not line.startswith("@") and len(line.split()) > 1:
            planted.add(line.split()[1])
    if len(planted) != 1 or (start := day(planted.pop())) is None:
        return pd.DataFrame()
    rows, columns, last = [], [], 0
    for line in shown(repository, "show", f"{path}T").splitlines():
        if line.startswith("@"):
            columns = line.lstrip("@").split()
        elif columns and "LAID" in columns and line.strip() and line[0] not in "*!":
            found = dict(zip(columns, line.split(), strict=False))
            date = day(found.get("DATE", ""))
            if date is None:
                continue
            last = max(last, date - start)
            area = found.get("LAID", "")
            if re.fullmatch(r"\d*\.?\d+", area):
                rows.append((date - start, float(area)))
    table = pd.DataFrame(rows, columns=["days", "area"])
    table["stage"] = table["days"] / max(last, 1)
    table["treatment"] = stem
    return table


def simulated(crop: str, longitude: float, latitude: float) -> pd.DataFrame:
    """Leaf area of the simulated crop by stage."""
    settings = EARTH.model_copy(update={"num_fields": 80, "num_regions": (1, 1)})
    place = Place(longitude=longitude, latitude=latitude, year=2020, irrigated=0.5)
    place = place.model_copy(update={"season_start": place.calendar.day_of_year(40)})
    parts = []
    for number in range(6):
        world = simulate_place(place, settings, seed=3, crops=[crop], number=number)
        harvest = world.series.truth["harvest_day"][:, None].astype(float)
        before = harvest - world.series.day_of_year
        keep = world.series.valid & (harvest >= 0) & (before >= 0)
        area = world.series.truth["leaf_area_index"].astype(float)
        parts.append(pd.DataFrame({"before": before[keep], "area": area[keep]}))
    return pd.concat(parts)


def main(repository: str) -> None:
    """Prints by crop and fifth of the season the measured band and the simulated median."""
    names = shown(repository, "ls-tree", "-r", "HEAD", "--name-only").split("\n")
    inside = total = 0
    for name, (crop, longitude, latitude) in CROPS.items():
        files = [re.fullmatch(rf"{name}/(\w+)\.(\w\w)T", path) for path in names]
        tables = []
        for match in files:
            if match and f"{name}/{match[1]}.{match[2]}X" in names:
                tables.append(measured(repository, name, match[1], match[2]))
        table = pd.concat([part for part in tables if len(part)] or [pd.DataFrame()])
        if len(table) < 30:
            print(f"{crop:16s} too few measurements: {len(table)}")
            continue
        model = simulated(crop, longitude, latitude)
        length = CROP_TABLE[table_number(crop)].duration * 0.9
        model["stage"] = 1 - model["before"] / length
        line = f"{crop:16s}"
        for first, last in itertools.pairwise(STAGES):
            real = table["area"][(table["stage"] > first) & (table["stage"] <= last)]
            ours = model["area"][(model["stage"] > first) & (model["stage"] <= last)]
            if len(real) < 8 or not len(ours):
                line += "        -        "
                continue
            low, high = np.quantile(real, [0.1, 0.9])
            found = float(ours.median())
            fits = low - 0.1 <= found <= high + 0.1
            inside, total = inside + fits, total + 1
            line += f"  {low:4.1f}-{high:3.1f}:{found:4.1f}{' ' if fits else '!'}"
        print(line + f"  n={len(table)}")
    print(f"{inside} of {total} fifths of a season within the measured 80 % band")


if __name__ == "__main__":
    main(*sys.argv[1:])
