"""What stands for years: grass, fallow, trees, and what is no crop at all.

Leaf area of natural cover is that of the synthesis of Asner et al. (2003, table 2): deciduous
forest 5.1, needle forest 5.5 (boreal 2.7), tropical evergreen forest 4.8, shrub 2.1, grassland
1.7, wetland 6.3, plantations 8.7; of crops it is within theirs, narrowed, assumed. Cuts and the
calendars of meadows are those of :mod:`windrow.simulation.crops`.
"""

from __future__ import annotations

from windrow.simulation.crop_table.crop import Growth, TableCrop, leaf_of
from windrow.simulation.crops import Leaf, Range

_ASNER = "leaf area: Asner et al. (2003); traits assumed"
_MEADOW, _CLOVER, _LEY = (leaf_of(n) for n in ("mown meadow", "clover grass", "arable grass"))
_FALLOW, _TREE, _VINE = (leaf_of(n) for n in ("fallow", "orchard", "vineyard"))
_DRY_GRASS = Leaf(
    (32, 7), (0.30, 0.10), (0.013, 0.003), (0.0062, 0.0010), (1.6, 0.1), (58, 6), (0.75, 0.10)
)
_OLIVE = Leaf(
    (52, 8), (0.30, 0.08), (0.014, 0.003), (0.0130, 0.0015), (1.9, 0.12), (52, 6), (0.40, 0.12)
)
_CITRUS = Leaf(
    (68, 9), (0.15, 0.06), (0.018, 0.003), (0.0115, 0.0015), (1.8, 0.12), (45, 6), (0.60, 0.12)
)
_BROAD_EVERGREEN = Leaf(
    (58, 9), (0.20, 0.07), (0.018, 0.003), (0.0105, 0.0018), (1.7, 0.12), (42, 6), (0.93, 0.03)
)
_COFFEE = Leaf(
    (60, 9), (0.15, 0.06), (0.017, 0.003), (0.0085, 0.0012), (1.6, 0.1), (42, 6), (0.75, 0.10)
)
_TEA = Leaf(
    (58, 10), (0.12, 0.05), (0.020, 0.003), (0.0085, 0.0012), (1.6, 0.1), (40, 6), (0.93, 0.03)
)
_BANANA = Leaf(
    (50, 8), (0.15, 0.06), (0.022, 0.004), (0.0060, 0.0009), (1.5, 0.1), (40, 6), (0.85, 0.07)
)
_PALM = Leaf(
    (55, 8), (0.25, 0.08), (0.016, 0.003), (0.0105, 0.0015), (1.7, 0.12), (48, 6), (0.80, 0.08)
)
_BEECH = Leaf(
    (50, 8), (0.10, 0.05), (0.012, 0.002), (0.0060, 0.0010), (1.5, 0.1), (38, 6), (0.95, 0.02)
)
_GARDEN = Leaf(
    (46, 8), (0.15, 0.06), (0.013, 0.002), (0.0062, 0.0010), (1.5, 0.1), (42, 6), (0.30, 0.10)
)
_NEEDLE = Leaf(
    (48, 8), (0.35, 0.10), (0.030, 0.006), (0.0140, 0.0008), (1.9, 0.15), (55, 6), (0.88, 0.05)
)
_SHRUB = Leaf(
    (40, 8), (0.35, 0.12), (0.014, 0.003), (0.0105, 0.0018), (1.75, 0.12), (50, 8), (0.65, 0.12)
)
_REED = Leaf(
    (42, 8), (0.20, 0.08), (0.020, 0.005), (0.0060, 0.0010), (1.55, 0.1), (68, 4), (0.92, 0.04)
)
_HOP = Leaf(
    (46, 7), (0.08, 0.04), (0.016, 0.003), (0.0048, 0.0007), (1.5, 0.1), (60, 5), (0.70, 0.08)
)
_STRAWBERRY = Leaf(
    (46, 7), (0.12, 0.05), (0.018, 0.003), (0.0060, 0.0009), (1.55, 0.1), (40, 6), (0.70, 0.08)
)


def _grass(
    name: str,
    peak: Range,
    leaf: Leaf,
    *,
    winter: Range,
    cuts: tuple[float, float],
    latitudes: tuple[float, float],
    group: str = "grass",
) -> TableCrop:
    return TableCrop(
        name=name,
        group=group,
        growth="grass",
        peak=peak,
        leaf=leaf,
        winter_lai=winter,
        cuts=cuts,
        latitudes=latitudes,
        source="cuts and leaf area: windrow.simulation.crops",
    )


def _stand(
    name: str,
    group: str,
    peak: Range,
    leaf: Leaf,
    latitudes: tuple[float, float],
    *,
    growth: Growth = "trees",
    evergreen: float = 0.0,
    ground_cover: float = 1.2,
    shade: float = 0.1,
    cuts: tuple[float, float] = (2.0, 45.0),
    flowering: tuple[float, float] | None = None,
    leaf_out: float = 9.5,
    sealed: float = 0.0,
    water: float = 0.0,
    pace: tuple[float, float] = (7.0, 9.0),
    source: str = _ASNER,
) -> TableCrop:
    return TableCrop(
        name=name,
        group=group,
        growth=growth,
        peak=peak,
        leaf=leaf,
        latitudes=latitudes,
        evergreen=evergreen,
        ground_cover=ground_cover,
        shade=shade,
        cuts=cuts,
        flowering=flowering,
        leaf_out=leaf_out,
        sealed=sealed,
        water=water,
        pace=pace,
        source=source,
    )


GRASS: tuple[TableCrop, ...] = (
    _grass(
        "mown meadow", (3.1, 0.6), _MEADOW, winter=(1.35, 0.5), cuts=(3.0, 45), latitudes=(35, 65)
    ),
    _grass("pasture", (2.3, 0.6), _MEADOW, winter=(1.2, 0.5), cuts=(1.5, 50), latitudes=(0, 65)),
    _grass(
        "clover grass", (3.6, 0.7), _CLOVER, winter=(1.2, 0.6), cuts=(3.6, 38), latitudes=(35, 62)
    ),
    _grass("alfalfa", (3.9, 0.7), _CLOVER, winter=(0.5, 0.3), cuts=(4.0, 38), latitudes=(15, 58)),
    _grass("arable grass", (3.2, 0.7), _LEY, winter=(1.1, 0.6), cuts=(3.4, 40), latitudes=(35, 62)),
    _grass("ryegrass ley", (3.4, 0.7), _LEY, winter=(1.6, 0.5), cuts=(3.6, 40), latitudes=(30, 60)),
    _grass(
        "fallow",
        (1.9, 0.6),
        _FALLOW,
        winter=(0.7, 0.4),
        cuts=(0.7, 60),
        latitudes=(0, 62),
        group="fallow",
    ),
    _grass(
        "weedy fallow",
        (2.6, 0.8),
        _CLOVER,
        winter=(0.4, 0.3),
        cuts=(0.5, 70),
        latitudes=(0, 55),
        group="fallow",
    ),
    _grass(
        "grassland never mown",
        (1.7, 0.5),
        _DRY_GRASS,
        winter=(0.5, 0.3),
        cuts=(0.0, 60),
        latitudes=(0, 68),
        group="land cover",
    ),
    _grass(
        "black fallow",
        (0.3, 0.15),
        _FALLOW,
        winter=(0.05, 0.05),
        cuts=(3.0, 40),
        latitudes=(10, 58),
        group="fallow",
    ),
)
"""Mown, grazed or left."""

TREES: tuple[TableCrop, ...] = (
    _stand("orchard", "orchards", (2.6, 0.6), _TREE, (25, 58), flowering=(0.0, 0.04),
           cuts=(3.5, 40)),
    _stand("nuts", "orchards", (3.4, 0.7), _TREE, (25, 50), cuts=(2.0, 50), leaf_out=11.0),
    _stand("almond", "orchards", (2.0, 0.6), _VINE, (28, 42), flowering=(-0.05, 0.08),
           ground_cover=0.6, leaf_out=8.0),
    _stand("vineyard", "orchards", (1.7, 0.4), _VINE, (28, 51), cuts=(2.5, 40), pace=(8, 9),
           leaf_out=14.0),
    _stand("olive", "evergreen orchards", (1.4, 0.5), _OLIVE, (28, 45), evergreen=1.0,
           ground_cover=0.8, cuts=(1.0, 60), source="FAO 56 table 11: evergreen; assumed"),
    _stand("citrus", "evergreen orchards", (2.8, 0.7), _CITRUS, (5, 42), evergreen=1.0,
           ground_cover=0.7, shade=0.15, source="FAO 56 table 11: evergreen; assumed"),
    _stand("mango", "evergreen orchards", (3.2, 0.8), _BROAD_EVERGREEN, (0, 28), evergreen=0.95,
           ground_cover=1.0, shade=0.15),
    _stand("coffee", "tropical plantations", (3.4, 0.8), _COFFEE, (0, 25), evergreen=0.9,
           ground_cover=0.6, shade=0.12),
    _stand("shaded coffee", "tropical plantations", (4.6, 0.8), _BROAD_EVERGREEN, (0, 25),
           evergreen=0.85, ground_cover=0.8, shade=0.25),
    _stand("tea", "tropical plantations", (5.0, 0.9), _TEA, (0, 42), evergreen=0.9,
           ground_cover=0.1, cuts=(5.0, 30), shade=0.05),
    _stand("cocoa", "tropical plantations", (4.4, 0.8), _BROAD_EVERGREEN, (0, 20), evergreen=0.9,
           ground_cover=0.4, shade=0.22),
    _stand("banana", "tropical plantations", (3.6, 0.9), _BANANA, (0, 32), evergreen=0.9,
           ground_cover=0.5, shade=0.1, source="FAO 56 table 11: a year round; assumed"),
    _stand("oil palm", "tropical plantations", (4.2, 0.9), _PALM, (0, 16), evergreen=1.0,
           ground_cover=1.2, shade=0.2),
    _stand("rubber", "tropical plantations", (4.4, 0.8), _BEECH, (0, 24), evergreen=0.25,
           ground_cover=0.6, shade=0.15),
    _stand("date palm", "evergreen orchards", (1.5, 0.5), _PALM, (12, 36), evergreen=1.0,
           ground_cover=0.4, shade=0.12),
    _stand("hops", "orchards", (3.6, 0.7), _HOP, (38, 55), ground_cover=0.5, cuts=(2.0, 40),
           leaf_out=12.0,
           source="FAO 56 table 11: hops from April; assumed"),
    _stand("strawberry", "vegetables", (2.0, 0.6), _STRAWBERRY, (10, 60), evergreen=0.35,
           ground_cover=0.2, flowering=(0.1, 0.03), shade=0.0),
)  # fmt: skip
"""Rows of trees, palms, vines and shrubs over a ground cover."""

COVER: tuple[TableCrop, ...] = (
    _stand("broad-leaved forest", "land cover", (5.1, 0.9), _BEECH, (30, 65), growth="cover",
           ground_cover=1.0, shade=0.25),
    _stand("needle forest", "land cover", (5.0, 1.0), _NEEDLE, (30, 70), growth="cover",
           evergreen=0.95, ground_cover=0.6, shade=0.48),
    _stand("evergreen forest", "land cover", (4.8, 0.8), _BROAD_EVERGREEN, (0, 30),
           growth="cover", evergreen=0.95, ground_cover=0.6, shade=0.28),
    _stand("dry forest", "land cover", (3.9, 0.8), _BEECH, (3, 30), growth="cover",
           evergreen=0.15, ground_cover=1.0, shade=0.2),
    _stand("shrub", "land cover", (2.1, 0.7), _SHRUB, (0, 68), growth="cover", evergreen=0.75,
           ground_cover=1.0, shade=0.18),
    _stand("wetland", "land cover", (4.0, 1.2), _REED, (0, 68), growth="cover", ground_cover=1.2,
           shade=0.1, water=0.55),
    _stand("water", "land cover", (0.0, 0.0), _REED, (0, 70), growth="cover", ground_cover=0.0,
           shade=0.0, water=1.0, source="assumed"),
    _stand("bare ground", "land cover", (0.05, 0.04), _DRY_GRASS, (0, 70), growth="cover",
           ground_cover=0.1, shade=0.0, source="assumed"),
    _stand("built-up", "land cover", (0.8, 0.4), _GARDEN, (0, 70), growth="cover",
           ground_cover=0.3, evergreen=0.2, shade=0.15, sealed=0.65, source="assumed"),
)  # fmt: skip
"""No crop, without which there is no map."""
