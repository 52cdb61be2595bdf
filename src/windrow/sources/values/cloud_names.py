"""Names under which cloud measures are found, and what their values may mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from windrow.sources.reader import CloudMeasure

MEANINGS: dict[CloudMeasure, str] = {
    "cloud-fraction": "share or probability of cloud 0..1, or a mask in which 1 is cloudy",
    "cloud-percent": "share or probability of cloud 0..100",
    "cloud-255": "probability of cloud 0..255",
    "clear-fraction": "share or probability of clear sky 0..1, or a mask in which 1 is clear",
    "clear-percent": "share or probability of clear sky 0..100",
    "scl": "classes of Sen2Cor's scene classification, 0 to 11",
    "qa60": "bits of QA60: 1024 is opaque cloud, 2048 is cirrus",
    "qai": "bits of FORCE's QAI, of which 1 and 2 are the cloud state",
}
SCL_CLOUD_PROBABILITY: dict[int, int] = {
    0: 255,  # no data: cannot be called clear
    1: 255,  # saturated or defective
    2: 0,  # dark area
    3: 0,  # cloud shadow: dark, but no cloud stands there
    4: 0,  # vegetation
    5: 0,  # bare soil
    6: 0,  # water
    7: 51,  # cloud of low probability, or unclassified
    8: 128,  # cloud of medium probability
    9: 230,  # cloud of high probability
    10: 128,  # thin cirrus
    11: 0,  # snow
}
"""Cloud probability 0..255 that windrow gives to each class of Sen2Cor's scene classification.

The classes 7 to 9 are Sen2Cor's own grades of cloud probability, taken at .2, .5 and .9; thin
cirrus, through which the ground is seen, counts as .5.
"""

CLOUD: tuple[CloudMeasure, ...] = ("cloud-fraction", "cloud-percent", "cloud-255")
CLEAR: tuple[CloudMeasure, ...] = ("clear-fraction", "clear-percent")


@dataclass(frozen=True)
class CloudName:
    """Names under which cloud measures are found.

    Attributes:
        words: the names, in lower case, joined by one underscore.
        measures: what they may be; the values decide between several.
    """

    words: tuple[str, ...]
    measures: tuple[CloudMeasure, ...]


CLOUD_NAMES: tuple[CloudName, ...] = (
    CloudName(("cloud_fraction", "cloud_share"), ("cloud-fraction",)),
    CloudName(("clp", "s2cloudless"), CLOUD),
    CloudName(
        (
            "cloud_percent",
            "cloud_percentage",
            "cloud_pct",
            "cloudy_pixel_percentage",
            "cldprb",
            "msk_cldprb",
        ),
        ("cloud-percent",),
    ),
    CloudName(
        ("cloud_probability", "cloud_prob", "cloud_cover", "cloud_score", "cloud", "clouds", "cld"),
        CLOUD,
    ),
    CloudName(
        ("cloud_mask", "cloudmask", "cloud_flag", "is_cloud", "is_cloudy", "cloudy", "clm"),
        ("cloud-fraction",),
    ),
    CloudName(("scl", "scene_classification", "scene_class", "sclmap"), ("scl",)),
    CloudName(("qai",), ("qai",)),
    CloudName(("qa60", "qa_60"), ("qa60",)),
    CloudName(
        (
            "clear",
            "is_clear",
            "clear_mask",
            "clear_sky",
            "clear_fraction",
            "clear_probability",
            "cloud_free",
            "cloudfree",
            "cs",
            "cs_cdf",
        ),
        CLEAR,
    ),
)
"""Names by which a cloud measure is recognised; of several in one input the first is taken."""

_ENDINGS = ("mean", "mode", "median", "first", "max")
_LOOKS_LIKE_CLOUDS = re.compile(r"cloud|cirrus|clear|(^|_)(qa|mask|valid|is_valid|fmask)\w*($|_)")


def _plain(name: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    for ending in _ENDINGS:
        text = text.removesuffix(f"_{ending}")
    return text.removeprefix("s2_")


def cloud_name(name: str) -> CloudName | None:
    """Returns the entry of :data:`CLOUD_NAMES` for the name of a column or layer, or None.

    Example:
        >>> cloud_name("MSK_CLDPRB").measures, cloud_name("SCL_mode").measures, cloud_name("B02")
        (('cloud-percent',), ('scl',), None)
    """
    plain = _plain(name)
    return next((entry for entry in CLOUD_NAMES if plain in entry.words), None)


def cloud_name_in(text: str) -> str | None:
    """Returns the cloud name that ends the name of a file, in capitals, or None.

    Example:
        >>> cloud_name_in("20180416_cloud_mask"), cloud_name_in("T31UES_20180416_SCL_20m")
        ('CLOUD_MASK', 'SCL')
    """
    words = [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word]
    while words and re.fullmatch(r"\d+m?", words[-1]):
        words.pop()
    for length in (3, 2, 1):
        name = "_".join(words[-length:])
        if len(words) >= length and cloud_name(name) is not None:
            return name.upper()
    return None


def choose_cloud_name(
    names: Iterable[str], *, classes_first: bool = False
) -> tuple[str | None, list[str]]:
    """Chooses the name to read clouds from, and those that look like clouds and are not read.

    Args:
        names: of columns, variables or layers.
        classes_first: prefers scene classes, as for images, in which they are made pixel by pixel.

    Example:
        >>> choose_cloud_name(["B02", "SCL", "cloud_fraction", "valid_mask"])
        ('cloud_fraction', ['SCL', 'valid_mask'])
    """
    ranked: list[tuple[int, str]] = []
    others = []
    for name in names:
        entry = cloud_name(name)
        if entry is not None:
            rank = CLOUD_NAMES.index(entry)
            ranked.append((-1 if classes_first and entry.measures == ("scl",) else rank, name))
        elif _LOOKS_LIKE_CLOUDS.search(_plain(name)):
            others.append(name)
    ranked.sort(key=lambda pair: pair[0])
    chosen = ranked[0][1] if ranked else None
    return chosen, [name for _, name in ranked[1:]] + others


def cloud_table() -> str:
    """Returns the registry as Markdown tables: what values may mean, and under which names.

    Example:
        >>> cloud_table().splitlines()[2][:40]
        '| `cloud-fraction` | share or probabilit'
    """
    lines = ["| `--cloud-measure` | values |", "| --- | --- |"]
    lines += [f"| `{measure}` | {meaning} |" for measure, meaning in MEANINGS.items()]
    lines += ["", "| names | may be |", "| --- | --- |"]
    for entry in CLOUD_NAMES:
        words = ", ".join(f"`{word}`" for word in entry.words)
        lines.append(f"| {words} | {', '.join(entry.measures)} |")
    lines += ["", "| class of SCL | cloud probability 0..255 |", "| --- | --- |"]
    lines += [f"| {scl} | {value} |" for scl, value in SCL_CLOUD_PROBABILITY.items() if value]
    return "\n".join(lines) + "\n"
