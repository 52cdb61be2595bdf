"""Which crops of the table a class of a label table names, in English, German, French, Spanish.

A name that is not known here is no mistake: its class is learned from labels alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from windrow.classifiers.crop_codes import crops_of_legend_name
from windrow.classifiers.crop_translations import TRANSLATIONS, translated

_WHEAT = ("winter wheat", "spring wheat")
_BARLEY = ("winter barley", "spring barley")
_MAIZE = ("silage maize", "grain maize")
_RAPESEED = ("winter rapeseed", "spring rapeseed")
_GRASSLAND = ("mown meadow", "pasture")
_FORAGE = ("clover grass", "alfalfa", "arable grass", "ryegrass ley")
_FALLOW = ("fallow", "weedy fallow")
_ROOTS = ("sugar beet", "potato")

SYNONYMS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("wheat", "common wheat", "soft wheat", "weizen", "weichweizen", "ble", "ble tendre", "trigo",
     "trigo blando"): _WHEAT,
    ("winter wheat", "winterweizen", "winterweichweizen", "ble d hiver", "ble tendre d hiver",
     "trigo de invierno", "winter common soft wheat"): ("winter wheat",),
    ("spring wheat", "summer wheat", "sommerweizen", "sommerweichweizen", "ble de printemps",
     "ble tendre de printemps", "trigo de primavera", "summer common soft wheat"): (
        "spring wheat",),
    ("durum", "durum wheat", "hartweizen", "ble dur", "trigo duro"): ("durum wheat",),
    ("spelt", "dinkel", "epeautre", "espelta"): ("spelt",),
    ("rye", "winter rye", "roggen", "winterroggen", "seigle", "centeno"): ("winter rye",),
    ("triticale", "winter triticale", "wintertriticale"): ("triticale",),
    ("barley", "gerste", "orge", "cebada"): _BARLEY,
    ("winter barley", "wintergerste", "orge d hiver", "cebada de invierno"): ("winter barley",),
    ("spring barley", "summer barley", "sommergerste", "orge de printemps",
     "cebada de primavera"): ("spring barley",),
    ("oats", "oat", "hafer", "avoine", "avena"): ("oats",),
    ("cereals", "cereal", "getreide", "cereales"): (*_WHEAT, *_BARLEY, "winter rye", "triticale",
                                                    "oats"),
    ("rapeseed", "rape", "canola", "oilseed rape", "raps", "colza"): _RAPESEED,
    ("winter rapeseed", "winterraps", "winter rape", "colza d hiver"): ("winter rapeseed",),
    ("oil seeds", "oilseeds", "olsaaten", "oelsaaten", "oleagineux"): (*_RAPESEED, "sunflower"),
    ("maize", "corn", "mais", "maiz", "other maize"): _MAIZE,
    ("silage maize", "silage corn", "silomais", "mais ensilage", "green maize",
     "maiz forrajero"): ("silage maize",),
    ("grain maize", "grain corn", "kornermais", "koernermais", "mais grain", "maiz grano"): (
        "grain maize",),
    ("sweet maize", "sweet corn", "sweetcorn", "zuckermais", "mais doux"): ("sweet maize",),
    ("sunflower", "sunflowers", "sonnenblume", "sonnenblumen", "tournesol", "girasol"): (
        "sunflower",),
    ("soybean", "soybeans", "soy", "soya", "soja", "sojabohne", "sojabohnen"): ("soybean",),
    ("sugar beet", "sugar beets", "sugarbeet", "zuckerrube", "zuckerrueben", "zuckerruben",
     "betterave", "betterave sucriere", "remolacha", "remolacha azucarera"): ("sugar beet",),
    ("potato", "potatoes", "kartoffel", "kartoffeln", "pomme de terre", "pommes de terre",
     "patata", "papa"): ("potato",),
    ("root crops", "hackfruchte", "hackfruechte"): _ROOTS,
    ("pea", "peas", "erbse", "erbsen", "pois", "guisante"): ("pea",),
    ("faba bean", "field bean", "broad bean", "ackerbohne", "ackerbohnen", "feverole", "haba"): (
        "faba bean",),
    ("beans", "bean", "bohnen", "haricot", "haricots", "frijol", "judias"): ("beans",),
    ("lentil", "lentils", "linsen", "lentille", "lenteja"): ("lentil",),
    ("chickpea", "chickpeas", "kichererbse", "pois chiche", "garbanzo"): ("chickpea",),
    ("flax", "linseed", "lein", "lin", "lino"): ("linseed",),
    ("onion", "onions", "zwiebel", "zwiebeln", "oignon", "cebolla"): ("onion",),
    ("carrot", "carrots", "mohren", "karotten", "carotte", "zanahoria"): ("carrot",),
    ("tomato", "tomatoes", "tomaten", "tomate"): ("tomato",),
    ("tobacco", "tabak", "tabac", "tabaco"): ("tobacco",),
    ("hemp", "hanf", "chanvre", "canamo"): ("hemp",),
    ("buckwheat", "buchweizen", "sarrasin", "alforfon"): ("buckwheat",),
    ("sorghum", "hirse und sorghum", "sorgho", "sorgo"): ("sorghum",),
    ("millet", "hirse", "millet proso", "mijo"): ("pearl millet", "finger millet"),
    ("teff",): ("teff",),
    ("rice", "paddy", "reis", "riz", "arroz"): ("rice",),
    ("cotton", "baumwolle", "coton", "algodon"): ("cotton",),
    ("groundnut", "groundnuts", "peanut", "peanuts", "erdnuss", "arachide", "cacahuete", "mani"): (
        "groundnut",),
    ("sesame", "sesam", "sesamo"): ("sesame",),
    ("cowpea", "cowpeas", "niebe", "caupi"): ("cowpea",),
    ("cassava", "maniok", "manioc", "yuca", "mandioca"): ("cassava",),
    ("sweet potato", "susskartoffel", "patate douce", "batata"): ("sweet potato",),
    ("sugarcane", "sugar cane", "zuckerrohr", "canne a sucre", "cana de azucar"): ("sugarcane",),
    ("meadow", "meadows", "wiese", "wiesen", "mahwiese", "prairie", "prairie permanente",
     "permanent meadows", "permanent meadow", "pradera"): ("mown meadow",),
    ("grass", "grassland", "grasslands", "permanent grassland", "grunland", "gruenland",
     "dauergrunland", "pasto"): (*_GRASSLAND, "grassland never mown"),
    ("pasture", "pastures", "weide", "weiden", "paturage"): ("pasture",),
    ("forage crops", "forage", "fodder", "futterpflanzen", "ackerfutter", "fourrage",
     "temporary meadows", "temporary meadow", "temporary grassland", "prairie temporaire"): _FORAGE,
    ("clover", "clover grass", "klee", "kleegras", "trefle"): ("clover grass",),
    ("alfalfa", "lucerne", "luzerne"): ("alfalfa",),
    ("fallow", "fallowland", "brache", "jachere", "barbecho"): _FALLOW,
    ("orchard", "orchards", "fruit trees", "obst", "streuobst", "verger", "vergers"): ("orchard",),
    ("nuts", "nusse", "noix", "fruits a coque"): ("nuts",),
    ("vineyard", "vineyards", "vine", "grapes", "wein", "reben", "vigne", "vignes", "vinedo"): (
        "vineyard",),
    ("olive", "olives", "oliven", "olivier", "olivo"): ("olive",),
    ("citrus", "zitrus", "agrumes", "citricos"): ("citrus",),
    ("coffee", "kaffee", "cafe"): ("coffee", "shaded coffee"),
    ("tea", "tee", "the", "te"): ("tea",),
    ("cocoa", "kakao", "cacao"): ("cocoa",),
    ("banana", "bananas", "bananen", "banane", "platano"): ("banana",),
    ("hops", "hopfen", "houblon", "lupulo"): ("hops",),
    ("strawberry", "strawberries", "erdbeeren", "fraise", "fresa"): ("strawberry",),
    ("forest", "trees", "wald", "foret", "bosque", "tree cover"): (
        "broad-leaved forest", "needle forest"),
    ("broad leaved forest", "deciduous forest", "laubwald", "foret de feuillus"): (
        "broad-leaved forest",),
    ("needle forest", "coniferous forest", "nadelwald", "foret de coniferes"): ("needle forest",),
    ("shrub", "shrubland", "strauch", "arbustes", "matorral"): ("shrub",),
    ("wetland", "wetlands", "feuchtgebiet", "zone humide", "humedal"): ("wetland",),
    ("water", "wasser", "eau", "agua"): ("water",),
    ("bare", "bare ground", "bare soil", "sol nu", "suelo desnudo"): ("bare ground",),
    ("built up", "built-up", "urban", "siedlung", "bati", "urbano"): ("built-up",),
}  # fmt: skip
"""Names as :func:`plain_name` gives them, and the crops of the table that they stand for."""


def plain_name(name: str) -> str:
    """Returns a name in small letters, without accents and punctuation.

    Example:
        >>> plain_name(" Blé_tendre d'hiver "), plain_name("Süßkartoffel")
        ('ble tendre d hiver', 'susskartoffel')
    """
    whole = name.lower().replace("ß", "ss").replace("œ", "oe")
    letters = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())


def _all_names() -> dict[str, tuple[str, ...]]:
    """Joins the synonyms with the translations. A name of several crops stands for all of them."""
    found: dict[str, tuple[str, ...]] = {}
    for crop in TRANSLATIONS:
        for names in translated(crop).values():
            for name in names:
                for spelled in (name, _without_umlauts(name)):
                    plain = plain_name(spelled)
                    found[plain] = tuple(dict.fromkeys((*found.get(plain, ()), crop)))
    return found | {name: crops for names, crops in SYNONYMS.items() for name in names}


def _without_umlauts(name: str) -> str:
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        name = name.lower().replace(umlaut, letters)
    return name


_CROPS = _all_names()


def crops_of_class(name: str, table: Iterable[str]) -> tuple[str, ...]:
    """Returns the crops of a table that a class names; empty where the name is not known.

    Args:
        name: a class of a label table, in English, German, French or Spanish, or the name of a
            crop in the legend of EuroCrops or WorldCereal.
        table: names of crops that can be told; others are left out.

    Example:
        >>> crops_of_class("Winterweizen", ["winter wheat", "oats"])
        ('winter wheat',)
        >>> crops_of_class("Oats", ["winter wheat", "oats"]), crops_of_class("XY", ["oats"])
        (('oats',), ())
    """
    known = tuple(table)
    plain = plain_name(name)
    exact = tuple(crop for crop in known if plain_name(crop) == plain)
    named = _CROPS.get(plain) or crops_of_legend_name(plain)
    return exact or tuple(crop for crop in named if crop in known)
