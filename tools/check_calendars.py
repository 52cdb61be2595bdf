"""Compares sowing and harvest of simulated places with independent calendars.

    python tools/check_calendars.py FOLDER

FOLDER holds what was fetched by hand (none of it is part of windrow): ``geoglam.json`` (GEOGLAM
Crop Monitor, sub-national calendars 1.4, doi 10.5281/zenodo.18763008), ``dwd_<crop>.txt`` (annual
reporters of the German weather service, DL-DE/BY-2.0) and ``hrw.parquet`` with ``hrw_sow.parquet``
(stages of hard red winter wheat, Ciampitti-Lab/WheatPhenologyHRW, MIT). GEOGLAM names regions;
the points that stand for them are in ``REGIONS`` beside this script's table. Sowing is the middle
of its planting window, harvest the middle of its harvest window. Every second region was used to
set the table's offsets; the others are the check.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from windrow.simulation.crop_table import CROP_TABLE, table_number
from windrow.simulation.fields.cycles import make_cycles
from windrow.simulation.fields.landscape import Landscape
from windrow.simulation.fields.stands import Draws
from windrow.simulation.fields.weather import Weather
from windrow.simulation.places.place import Place
from windrow.simulation.scenarios import SCENARIOS

OUR_NAME = {
    "Winter Wheat": "winter wheat",
    "Spring Wheat": "spring wheat",
    "Maize 1": "grain maize",
    "Sorghum 1": "sorghum",
    "Millet 1": "pearl millet",
    "Rice 1": "rice",
    "Beans 1": "beans",
    "Teff 1": "teff",
}
GERMAN = {
    "Winterweizen": "winter wheat",
    "Wintergerste": "winter barley",
    "Winterraps": "winter rapeseed",
    "Sommergerste": "spring barley",
    "Hafer": "oats",
    "Mais": "grain maize",
    "Zucker-Ruebe": "sugar beet",
}
SOWN, HARVESTED = 10, 24
GERMANY = [(lon, lat) for lon in (7.5, 9.5, 11.5, 13.5) for lat in (48.5, 50.0, 51.5, 53.0)]
PLAINS = {"KS": (-98.5, 38.3), "OK": (-98.0, 36.0), "TX": (-101.0, 34.5), "CO": (-102.8, 38.8)}
REGIONS: dict[str, dict[str, tuple[float, float]]] = json.loads(
    (Path(__file__).parent / "geoglam_regions.json").read_text()
)
"""By country and region: longitude and latitude of a point in its farmland, set by hand."""


def simulated(longitude: float, latitude: float, crop: str) -> tuple[float, float]:
    """Median day of the year of sowing and of harvest at a place."""
    place = Place(longitude=longitude, latitude=latitude, year=2020)
    climate = place.climate(continentality=1.0, drought=0.4)
    num = 101
    ground = Landscape(
        settings=SCENARIOS["bavaria-2018"],
        seed=1,
        number=0,
        sites=np.zeros((num, 2)),
        metric=np.eye(2),
        crop=np.zeros(num, dtype=np.int64),
        label=np.zeros(num, dtype=np.int64),
    )
    none = np.zeros(365)
    weather = Weather(0.0, 0.0, 0.4, none, none, none, none)
    draws = Draws(ground, np.arange(num))
    cycles = make_cycles(CROP_TABLE[table_number(crop)], climate, weather, draws, part="main")
    calendar = place.calendar
    return (
        calendar.day_of_year(float(np.median(cycles.sown))),
        calendar.day_of_year(float(np.median(cycles.harvest))),
    )


def middle(first: float, last: float) -> float:
    """The day in the middle of a window that may run over New Year."""
    return (first + ((last - first) % 365) / 2) % 365


def away(found: float, wanted: float) -> float:
    """Signed days by which ``found`` is later."""
    return (found - wanted + 182.5) % 365 - 182.5


def geoglam(path: Path) -> pd.DataFrame:
    """One row a crop and region that has a point."""
    rows = []
    for record in json.loads(path.read_text())["records"]:
        point = REGIONS.get(record["country"], {}).get(record["region"])
        crop = OUR_NAME.get(record["crop"])
        if point is None or crop is None:
            continue
        sown, harvested = simulated(*point, crop)
        rows.append(
            {
                "source": "GEOGLAM",
                "place": f"{record['country']}, {record['region']}",
                "crop": crop,
                "latitude": point[1],
                "sowing": away(sown, middle(record["planting"], record["vegetative"]) - 1),
                "harvest": away(harvested, middle(record["harvest"], record["endofseaso"]) - 1),
            }
        )
    table = pd.DataFrame(rows).sort_values(["crop", "place"], ignore_index=True)
    places = {name: k for k, name in enumerate(sorted(table["place"].unique()))}
    table["check"] = table["place"].map(places) % 2 == 1
    return table


def dwd(folder: Path) -> pd.DataFrame:
    """One row a crop: Germany's median against that of sixteen points."""
    rows = []
    for german, crop in GERMAN.items():
        path = folder / f"dwd_{german}.txt"
        table = pd.read_csv(path, sep=";", skipinitialspace=True, encoding="latin-1")
        table.columns = [name.strip() for name in table.columns]
        medians = table.groupby("Phase_id")["Jultag"].median() - 1
        found = np.array([simulated(*point, crop) for point in GERMANY])
        rows.append(
            {
                "source": "DWD",
                "place": "Germany",
                "crop": crop,
                "latitude": 51.0,
                "sowing": away(float(np.median(found[:, 0])), float(medians[SOWN])),
                "harvest": away(float(np.median(found[:, 1])), float(medians[HARVESTED])),
                "check": True,
            }
        )
    return pd.DataFrame(rows)


def plains(folder: Path) -> pd.DataFrame:
    """One row a state of the southern Great Plains: winter wheat."""
    stages = pd.read_parquet(folder / "hrw.parquet")
    sowing = pd.read_parquet(folder / "hrw_sow.parquet")
    sowing = sowing[sowing["source"] == "observed"]
    ripe = stages[stages["growth_stage"] == "Harvest Ready"]
    rows = []
    for state, point in PLAINS.items():
        sown, harvested = simulated(*point, "winter wheat")
        wanted = sowing.loc[sowing["state"] == state, "sowing_doy_used"].median() - 1
        ready = ripe.loc[ripe["state"] == state, "doy"].median() - 1
        rows.append(
            {
                "source": "wheat stages, US",
                "place": state,
                "crop": "winter wheat",
                "latitude": point[1],
                "sowing": away(sown, float(wanted)),
                "harvest": away(harvested, float(ready)),
                "check": True,
            }
        )
    return pd.DataFrame(rows)


def main(folder: str) -> None:
    """Prints errors by source and crop: medians, and medians of their sizes."""
    base = Path(folder)
    table = pd.concat([geoglam(base / "geoglam.json"), dwd(base), plains(base)])
    table.to_csv(base / "calendar_errors.csv", index=False)
    for name, part in (("set by", table[~table["check"]]), ("check", table[table["check"]])):
        groups = part.groupby(["source", "crop"])[["sowing", "harvest"]]
        sizes = part.assign(**part[["sowing", "harvest"]].abs()).groupby(["source", "crop"])
        print(name)
        summary = groups.median().add_suffix(" later by")
        summary = summary.join(sizes[["sowing", "harvest"]].median().add_suffix(" error"))
        summary["number"] = groups.size()
        print(summary.round(0).to_string())
        print(part[["sowing", "harvest"]].abs().groupby(part["source"]).median())


if __name__ == "__main__":
    main(*sys.argv[1:])
