"""Arable crops: winter crops, crops of the cool and of the warm season, crops grown together.

Lengths of stages are those of FAO Irrigation and Drainage Paper 56, table 11 (Allen et al. 1998),
rounded between its climates; leaf area lies within Asner et al. (2003), narrowed by crop. The
sowing of cereals and of maize relative to the season is set after GEOGLAM's calendars (see
docs/simulation.md), of other crops it is assumed. Traits are those of a like crop in
:mod:`windrow.simulation.crops`, or assumed.
"""

from __future__ import annotations

from windrow.simulation.crop_table.crop import Season, Stages, TableCrop, leaf_of
from windrow.simulation.crops import Leaf, Range

_DWD = "calendar: DWD through windrow.simulation.crops, moved with the cold season"
_FAO = "stages: FAO 56 table 11"

_CEREAL, _RYE, _BARLEY = (leaf_of(n) for n in ("winter wheat", "winter rye", "winter barley"))
_RAPE, _CORN, _RICE = (leaf_of(n) for n in ("winter rapeseed", "grain maize", "rice"))
_BEET, _POTATO, _SOY = (leaf_of(n) for n in ("sugar beet", "potato", "soybean"))
_SUNFLOWER, _COTTON, _CLOVER = (leaf_of(n) for n in ("sunflower", "cotton", "clover grass"))
_DURUM = Leaf(
    (44, 6), (0.09, 0.03), (0.021, 0.005), (0.0054, 0.0006), (1.52, 0.08), (62, 4), (0.88, 0.04)
)
_SORGHUM = Leaf(
    (48, 8), (0.06, 0.03), (0.018, 0.004), (0.0052, 0.0007), (1.5, 0.08), (55, 5), (0.88, 0.04)
)
_MILLET = Leaf(
    (40, 7), (0.08, 0.03), (0.017, 0.004), (0.0050, 0.0007), (1.48, 0.08), (60, 5), (0.82, 0.06)
)
_PULSE = Leaf(
    (40, 6), (0.05, 0.03), (0.022, 0.004), (0.0040, 0.0006), (1.45, 0.1), (46, 6), (0.92, 0.04)
)
_FINE_PULSE = Leaf(
    (36, 6), (0.07, 0.03), (0.017, 0.004), (0.0042, 0.0006), (1.5, 0.1), (52, 6), (0.82, 0.06)
)
_GROUNDNUT = Leaf(
    (44, 6), (0.04, 0.03), (0.021, 0.004), (0.0046, 0.0007), (1.5, 0.1), (38, 6), (0.90, 0.05)
)
_CASSAVA = Leaf(
    (48, 7), (0.06, 0.04), (0.017, 0.003), (0.0052, 0.0008), (1.5, 0.1), (34, 6), (0.80, 0.08)
)
_TOMATO = Leaf(
    (44, 7), (0.06, 0.04), (0.024, 0.005), (0.0042, 0.0007), (1.5, 0.1), (45, 6), (0.80, 0.08)
)
_BULB = Leaf(
    (42, 7), (0.06, 0.04), (0.036, 0.007), (0.0050, 0.0008), (1.7, 0.12), (70, 4), (0.70, 0.08)
)
_LEAFY = Leaf(
    (36, 9), (0.04, 0.03), (0.034, 0.007), (0.0038, 0.0008), (1.45, 0.1), (35, 6), (0.86, 0.06)
)
_MELON = Leaf(
    (42, 7), (0.07, 0.04), (0.022, 0.004), (0.0045, 0.0008), (1.5, 0.1), (34, 5), (0.80, 0.08)
)
_TOBACCO = Leaf(
    (34, 8), (0.06, 0.04), (0.026, 0.005), (0.0045, 0.0008), (1.45, 0.1), (34, 5), (0.84, 0.06)
)
_LINSEED = Leaf(
    (34, 6), (0.07, 0.03), (0.016, 0.003), (0.0044, 0.0006), (1.45, 0.08), (64, 4), (0.88, 0.04)
)
_HEMP = Leaf(
    (48, 7), (0.06, 0.03), (0.016, 0.003), (0.0050, 0.0007), (1.45, 0.1), (48, 6), (0.95, 0.02)
)
_CANE = Leaf(
    (44, 7), (0.22, 0.07), (0.020, 0.004), (0.0060, 0.0008), (1.55, 0.1), (62, 5), (0.92, 0.04)
)


def _wintering(
    name: str,
    *,
    peak: Range,
    leaf: Leaf,
    harvest: Range,
    before: tuple[float, float],
    winter_lai: Range,
    latitudes: tuple[float, float],
    sowing: Range = (0.0, 9.0),
    pace: tuple[float, float] = (9.0, 6.0),
    flowering: tuple[float, float] | None = None,
    cut_green: bool = False,
    group: str = "winter cereals",
    stubble: float = 0.75,
) -> TableCrop:
    return TableCrop(
        name=name,
        group=group,
        growth="wintering",
        season="cold",
        peak=peak,
        leaf=leaf,
        harvest=harvest,
        before_harvest=before,
        winter_lai=winter_lai,
        latitudes=latitudes,
        sowing=sowing,
        pace=pace,
        flowering=flowering,
        cut_green=cut_green,
        stubble=stubble,
        source=_DWD,
    )


_Row = tuple[str, str, Range, Stages, Range, Leaf, tuple[float, float]]
"""Name, group, sowing, stages, peak, leaf and latitudes."""


def _annual(
    row: _Row,
    *,
    season: Season = "warm",
    pace: tuple[float, float] = (7.0, 9.0),
    flowering: tuple[float, float] | None = None,
    cut_green: bool = False,
    flooded: bool = False,
    stubble: float = 0.5,
    regrowth: bool = False,
    companion: str | None = None,
    source: str = _FAO,
) -> TableCrop:
    name, group, sowing, stages, peak, leaf, latitudes = row
    return TableCrop(
        name=name,
        group=group,
        growth="annual",
        season=season,
        sowing=sowing,
        stages=stages,
        peak=peak,
        leaf=leaf,
        latitudes=latitudes,
        pace=pace,
        flowering=flowering,
        cut_green=cut_green,
        flooded=flooded,
        stubble=stubble,
        regrowth=regrowth,
        companion=companion,
        source=source,
    )


WINTERING: tuple[TableCrop, ...] = (
    _wintering(
        "winter wheat", peak=(4.0, 0.8), leaf=_CEREAL, harvest=(-8, 7), before=(99, 25),
        winter_lai=(0.45, 0.35), latitudes=(20, 62),
    ),
    _wintering(
        "durum wheat", peak=(3.3, 0.8), leaf=_DURUM, harvest=(-14, 7), before=(97, 24),
        winter_lai=(0.6, 0.4), latitudes=(22, 48),
    ),
    _wintering(
        "spelt", peak=(3.6, 0.7), leaf=_RYE, harvest=(-10, 7), before=(103, 27),
        winter_lai=(0.6, 0.35), latitudes=(40, 56), pace=(9, 7),
    ),
    _wintering(
        "winter rye", peak=(3.8, 0.8), leaf=_RYE, harvest=(-12, 7), before=(108, 30),
        winter_lai=(0.7, 0.4), latitudes=(40, 62), pace=(9, 9),
    ),
    _wintering(
        "triticale", peak=(4.0, 0.8), leaf=_RYE, harvest=(-11, 7), before=(103, 27),
        winter_lai=(0.6, 0.4), latitudes=(30, 60), pace=(9, 7),
    ),
    _wintering(
        "winter barley", peak=(3.9, 0.8), leaf=_BARLEY, harvest=(-30, 6), before=(81, 17),
        winter_lai=(0.9, 0.4), latitudes=(28, 58), sowing=(-10, 9), pace=(10, 6),
    ),
    _wintering(
        "winter rapeseed", peak=(5.8, 0.8), leaf=_RAPE, harvest=(-22, 5), before=(93, 20),
        winter_lai=(1.3, 0.5), latitudes=(30, 60), sowing=(-40, 8), pace=(10, 6),
        flowering=(0.29, 0.13), group="oilseeds",
    ),
    _wintering(
        "winter vetch", peak=(4.0, 0.9), leaf=_CLOVER, harvest=(-62, 10), before=(58, 1),
        winter_lai=(0.6, 0.4), latitudes=(30, 50), cut_green=True, group="pulses", stubble=0.35,
    ),
    _wintering(
        "winter fodder rye", peak=(3.6, 0.8), leaf=_RYE, harvest=(-78, 8), before=(45, 1),
        winter_lai=(0.9, 0.4), latitudes=(42, 58), cut_green=True, stubble=0.35,
    ),
)  # fmt: skip
"""Sown before the winter; where there is none, through the cold season."""

COOL: tuple[TableCrop, ...] = tuple(
    _annual(row, season="cool", **more)
    for row, more in (
        (("spring wheat", "spring cereals", (-12, 9), (30, 30, 35, 40), (3.6, 0.8), _CEREAL,
          (15, 62)), {"stubble": 0.75}),
        (("spring barley", "spring cereals", (-17, 8), (34, 26, 22, 44), (3.8, 0.7), _BARLEY,
          (15, 65)), {"pace": (7, 6), "stubble": 0.75}),
        (("oats", "spring cereals", (-17, 8), (32, 24, 31, 46), (3.9, 0.7), _CEREAL,
          (25, 65)), {"pace": (7, 7), "stubble": 0.75}),
        (("spring rapeseed", "oilseeds", (8, 9), (25, 25, 40, 25), (4.2, 0.8), _RAPE,
          (28, 62)), {"flowering": (0.35, 0.13), "stubble": 0.65}),
        (("pea", "pulses", (-14, 9), (25, 30, 35, 20), (3.6, 0.8), _PULSE,
          (20, 62)), {"flowering": (0.5, 0.03), "stubble": 0.3}),
        (("faba bean", "pulses", (-18, 10), (30, 35, 45, 30), (3.6, 0.9), _PULSE,
          (20, 60)), {"flowering": (0.45, 0.02), "stubble": 0.4}),
        (("lentil", "pulses", (-5, 9), (25, 30, 45, 30), (2.4, 0.7), _FINE_PULSE,
          (15, 55)), {"stubble": 0.3}),
        (("chickpea", "pulses", (10, 10), (25, 35, 45, 30), (2.4, 0.7), _FINE_PULSE,
          (12, 52)), {"stubble": 0.3}),
        (("linseed", "oilseeds", (-5, 9), (25, 35, 45, 30), (2.8, 0.7), _LINSEED,
          (25, 58)), {"flowering": (0.5, 0.06), "stubble": 0.5}),
        (("sugar beet", "roots", (2, 8), (32, 36, 82, 24), (4.0, 0.8), _BEET,
          (28, 60)), {"pace": (7, 25), "cut_green": True, "stubble": 0.3}),
        (("potato", "roots", (14, 12), (30, 32, 46, 36), (3.6, 0.8), _POTATO,
          (15, 62)), {"pace": (6, 9), "cut_green": True, "stubble": 0.3}),
        (("onion", "vegetables", (-8, 14), (25, 40, 65, 35), (2.4, 0.7), _BULB,
          (8, 58)), {"pace": (9, 9), "stubble": 0.15}),
        (("garlic", "vegetables", (-30, 14), (35, 45, 65, 30), (2.2, 0.6), _BULB,
          (15, 52)), {"pace": (9, 9), "stubble": 0.15}),
        (("carrot", "vegetables", (0, 20), (28, 40, 60, 20), (3.2, 0.8), _PULSE,
          (15, 60)), {"cut_green": True, "stubble": 0.15}),
        (("cabbage", "vegetables", (15, 25), (30, 40, 45, 15), (3.4, 0.9), _LEAFY,
          (8, 60)), {"cut_green": True, "stubble": 0.15}),
        (("lettuce", "vegetables", (15, 30), (22, 25, 18, 8), (2.4, 0.8), _LEAFY,
          (8, 58)), {"pace": (5, 6), "cut_green": True, "stubble": 0.05}),
        (("safflower", "oilseeds", (-5, 10), (28, 45, 45, 32), (3.6, 0.8), _SUNFLOWER,
          (18, 50)), {"flowering": (0.75, 0.05)}),
    )
)  # fmt: skip
"""Grown in the cool of the year: in winter where it is mild, from early spring elsewhere."""

WARM: tuple[TableCrop, ...] = tuple(
    _annual(row, **more)
    for row, more in (
        (("silage maize", "maize", (24, 9), (32, 38, 64, 8), (4.4, 0.8), _CORN, (30, 60)),
         {"pace": (5.2, 12), "cut_green": True}),
        (("grain maize", "maize", (24, 9), (32, 38, 55, 34), (4.2, 0.9), _CORN, (0, 54)),
         {"pace": (5.2, 11)}),
        (("sweet maize", "maize", (30, 18), (22, 28, 32, 8), (3.4, 0.7), _CORN, (0, 52)),
         {"pace": (5.2, 10), "cut_green": True}),
        (("sorghum", "sorghum and millet", (30, 10), (26, 42, 52, 35), (3.5, 0.9), _SORGHUM,
          (0, 46)), {}),
        (("pearl millet", "sorghum and millet", (34, 10), (22, 34, 55, 30), (2.7, 0.8), _MILLET,
          (5, 35)), {}),
        (("finger millet", "sorghum and millet", (32, 10), (22, 33, 50, 28), (2.9, 0.7), _MILLET,
          (0, 25)), {}),
        (("teff", "sorghum and millet", (45, 10), (28, 38, 60, 35), (2.7, 0.7), _LINSEED,
          (3, 18)), {"source": "stages: small grains of FAO 56 table 11"}),
        (("rice", "rice", (36, 12), (30, 32, 60, 32), (4.6, 0.8), _RICE, (0, 46)),
         {"pace": (8, 8), "flooded": True}),
        (("upland rice", "rice", (30, 12), (28, 32, 50, 30), (3.6, 0.8), _RICE, (0, 26)),
         {"pace": (8, 8)}),
        (("soybean", "oilseeds", (28, 9), (24, 32, 58, 26), (4.2, 0.8), _SOY, (0, 52)),
         {"pace": (7, 7)}),
        (("sunflower", "oilseeds", (13, 10), (28, 36, 50, 30), (2.9, 0.7), _SUNFLOWER, (10, 54)),
         {"pace": (7, 7), "flowering": (0.52, 0.10)}),
        (("cotton", "fibre", (14, 12), (32, 52, 72, 38), (3.2, 0.8), _COTTON, (5, 44)),
         {"pace": (9, 11), "flowering": (0.75, 0.03)}),
        (("groundnut", "oilseeds", (30, 10), (27, 35, 45, 28), (3.6, 0.8), _GROUNDNUT, (0, 38)),
         {"cut_green": True, "stubble": 0.2}),
        (("sesame", "oilseeds", (40, 10), (22, 32, 40, 24), (2.8, 0.7), _FINE_PULSE, (3, 38)), {}),
        (("beans", "pulses", (32, 12), (20, 30, 38, 20), (3.0, 0.8), _PULSE, (0, 54)),
         {"stubble": 0.2}),
        (("cowpea", "pulses", (42, 14), (20, 30, 30, 20), (2.8, 0.8), _PULSE, (0, 36)),
         {"stubble": 0.25}),
        (("pigeon pea", "pulses", (30, 12), (35, 60, 70, 40), (3.2, 0.8), _SOY, (0, 28)),
         {"pace": (10, 12), "source": "stages: 160 to 200 days, assumed"}),
        (("tomato", "vegetables", (26, 16), (30, 40, 45, 30), (2.9, 0.8), _TOMATO, (0, 52)),
         {"stubble": 0.2}),
        (("pepper", "vegetables", (30, 16), (28, 36, 45, 25), (2.4, 0.7), _TOMATO, (0, 50)),
         {"cut_green": True, "stubble": 0.2}),
        (("melon", "vegetables", (30, 16), (24, 34, 32, 24), (2.4, 0.7), _MELON, (0, 46)),
         {"stubble": 0.15}),
        (("pumpkin", "vegetables", (30, 12), (25, 35, 40, 30), (3.0, 0.8), _MELON, (0, 54)),
         {"flowering": (0.5, 0.03), "stubble": 0.2}),
        (("sweet potato", "roots", (30, 16), (20, 35, 60, 30), (3.6, 0.8), _MELON, (0, 38)),
         {"cut_green": True, "stubble": 0.15}),
        (("cassava", "roots", (20, 25), (40, 60, 170, 60), (3.2, 0.9), _CASSAVA, (0, 26)),
         {"pace": (14, 16), "cut_green": True, "regrowth": True, "stubble": 0.2}),
        (("sugarcane", "sugarcane", (10, 45), (35, 65, 180, 60), (5.0, 0.9), _CANE, (0, 34)),
         {"pace": (14, 30), "cut_green": True, "regrowth": True, "stubble": 0.8}),
        (("tobacco", "fibre", (36, 10), (25, 32, 40, 20), (3.4, 0.8), _TOBACCO, (5, 52)),
         {"pace": (6, 9), "cut_green": True, "stubble": 0.25,
          "source": "stages: 110 to 120 days from planting, assumed"}),
        (("hemp", "fibre", (14, 9), (22, 34, 46, 26), (5.0, 1.0), _HEMP, (25, 60)),
         {"pace": (6, 9), "source": "stages: 110 to 130 days, assumed"}),
        (("buckwheat", "spring cereals", (32, 14), (16, 24, 34, 18), (3.0, 0.7), _PULSE, (20, 60)),
         {"flowering": (0.5, 0.08), "source": "stages: 80 to 100 days, assumed"}),
        (("maize with beans", "intercropping", (24, 10), (30, 38, 52, 34), (3.0, 0.8), _CORN,
          (0, 22)), {"pace": (6, 11), "companion": "beans"}),
        (("millet with cowpea", "intercropping", (34, 12), (22, 34, 55, 30), (2.2, 0.7), _MILLET,
          (5, 22)), {"companion": "cowpea"}),
        (("sorghum with pigeon pea", "intercropping", (30, 12), (22, 38, 42, 30), (2.6, 0.7),
          _SORGHUM, (5, 24)), {"companion": "pigeon pea"}),
    )
)  # fmt: skip
"""Grown in the warm season, or in either rainy season of the tropics."""
