"""Names of every crop of the table in German, French and Spanish.

Names are separated by commas. English names are those of the table itself.
"""

from __future__ import annotations

LANGUAGES = ("German", "French", "Spanish")
"""Languages of :data:`TRANSLATIONS`, in its order."""

TRANSLATIONS: dict[str, tuple[str, str, str]] = {
    "winter wheat": ("Winterweizen", "blé d'hiver", "trigo de invierno"),
    "durum wheat": ("Hartweizen, Durumweizen", "blé dur", "trigo duro"),
    "spelt": ("Dinkel", "épeautre", "espelta, escanda"),
    "winter rye": ("Winterroggen", "seigle, seigle d'hiver", "centeno, centeno de invierno"),
    "triticale": ("Triticale, Wintertriticale", "triticale, triticale d'hiver", "triticale"),
    "winter barley": ("Wintergerste", "orge d'hiver", "cebada de invierno"),
    "winter rapeseed": ("Winterraps", "colza d'hiver", "colza de invierno"),
    "winter vetch": ("Winterwicke, Wicke, Wicken", "vesce, vesce d'hiver", "veza"),
    "winter fodder rye": ("Grünroggen, Futterroggen", "seigle fourrager", "centeno forrajero"),
    "spring wheat": ("Sommerweizen", "blé de printemps", "trigo de primavera"),
    "spring barley": ("Sommergerste", "orge de printemps", "cebada de primavera"),
    "oats": ("Hafer, Sommerhafer", "avoine, avoine de printemps", "avena"),
    "spring rapeseed": ("Sommerraps", "colza de printemps", "colza de primavera"),
    "pea": ("Erbse, Erbsen, Körnererbsen", "pois, pois protéagineux", "guisante, arveja"),
    "faba bean": ("Ackerbohne, Ackerbohnen, Puffbohne", "féverole, fève", "haba, habas"),
    "lentil": ("Linse, Linsen", "lentille, lentilles", "lenteja, lentejas"),
    "chickpea": ("Kichererbse, Kichererbsen", "pois chiche, pois chiches", "garbanzo, garbanzos"),
    "linseed": ("Lein, Öllein, Flachs", "lin, lin oléagineux", "lino"),
    "sugar beet": ("Zuckerrübe, Zuckerrüben", "betterave sucrière", "remolacha azucarera"),
    "potato": ("Kartoffel, Kartoffeln", "pomme de terre", "patata, patatas, papa, papas"),
    "onion": ("Zwiebel, Zwiebeln", "oignon, oignons", "cebolla, cebollas"),
    "garlic": ("Knoblauch", "ail", "ajo"),
    "carrot": ("Möhre, Möhren, Karotte", "carotte, carottes", "zanahoria, zanahorias"),
    "cabbage": ("Kohl, Weißkohl, Kopfkohl", "chou, choux", "col, repollo"),
    "lettuce": ("Salat, Kopfsalat", "laitue, salade", "lechuga"),
    "safflower": ("Färberdistel, Saflor", "carthame", "cártamo"),
    "silage maize": ("Silomais", "maïs ensilage, maïs fourrage", "maíz forrajero"),
    "grain maize": ("Körnermais", "maïs grain", "maíz grano, maíz en grano"),
    "sweet maize": ("Zuckermais", "maïs doux", "maíz dulce"),
    "sorghum": ("Sorghum, Mohrenhirse, Sorghumhirse", "sorgho", "sorgo"),
    "pearl millet": ("Perlhirse", "mil, mil à chandelle, millet perle", "mijo perla"),
    "finger millet": ("Fingerhirse", "éleusine", "mijo dedo, mijo africano"),
    "teff": ("Teff, Zwerghirse", "teff", "tef, teff"),
    "rice": ("Reis", "riz", "arroz"),
    "upland rice": ("Trockenreis, Bergreis", "riz pluvial", "arroz de secano"),
    "soybean": ("Sojabohne, Sojabohnen", "soja", "soja, soya"),
    "sunflower": ("Sonnenblume, Sonnenblumen", "tournesol", "girasol"),
    "cotton": ("Baumwolle", "coton", "algodón"),
    "groundnut": ("Erdnuss, Erdnüsse", "arachide, arachides", "cacahuete, maní"),
    "sesame": ("Sesam", "sésame", "sésamo, ajonjolí"),
    "beans": ("Bohne, Bohnen, Gartenbohne", "haricot, haricots", "judías, frijol, alubia"),
    "cowpea": ("Augenbohne, Kuhbohne", "niébé", "caupí"),
    "pigeon pea": ("Straucherbse", "pois d'Angole, pois cajan", "guandú, gandul"),
    "tomato": ("Tomate, Tomaten", "tomate, tomates", "tomate, tomates"),
    "pepper": ("Paprika", "poivron, piment", "pimiento, chile, ají"),
    "melon": ("Melone, Melonen", "melon, melons, pastèque", "melón, sandía"),
    "pumpkin": ("Kürbis, Kürbisse", "courge, citrouille, potiron", "calabaza, zapallo"),
    "sweet potato": ("Süßkartoffel", "patate douce", "batata, camote, boniato"),
    "cassava": ("Maniok", "manioc", "mandioca, yuca"),
    "sugarcane": ("Zuckerrohr", "canne à sucre", "caña de azúcar"),
    "tobacco": ("Tabak", "tabac", "tabaco"),
    "hemp": ("Hanf", "chanvre", "cáñamo"),
    "buckwheat": ("Buchweizen", "sarrasin, blé noir", "alforfón, trigo sarraceno"),
    "maize with beans": ("Mais mit Bohnen", "maïs avec haricots", "maíz con frijol"),
    "millet with cowpea": ("Hirse mit Augenbohnen", "mil avec niébé", "mijo con caupí"),
    "sorghum with pigeon pea": (
        "Sorghum mit Straucherbsen", "sorgho avec pois d'Angole", "sorgo con guandú",
    ),
    "mown meadow": ("Mähwiese, Mähwiesen", "prairie de fauche", "prado de siega"),
    "pasture": ("Weide, Weiden", "pâturage, pâture", "pastizal, dehesa"),
    "clover grass": ("Kleegras, Klee", "trèfle", "trébol"),
    "alfalfa": ("Luzerne", "luzerne", "alfalfa"),
    "arable grass": ("Ackergras", "prairie temporaire", "pradera temporal"),
    "ryegrass ley": ("Weidelgras", "ray-grass", "raigrás, ballico"),
    "fallow": ("Brache", "jachère", "barbecho"),
    "weedy fallow": ("verunkrautete Brache", "friche", "barbecho con malezas"),
    "grassland never mown": (
        "ungemähtes Grünland", "prairie non fauchée, pelouse naturelle", "pradera sin segar",
    ),
    "black fallow": ("Schwarzbrache", "jachère nue", "barbecho desnudo"),
    "orchard": ("Obstplantage, Obst", "verger, vergers", "frutales, huerto frutal"),
    "nuts": ("Nüsse, Nussbäume", "noix, fruits à coque", "nueces, frutos secos"),
    "almond": ("Mandel, Mandeln", "amande, amandier", "almendro, almendra"),
    "vineyard": ("Weinberg, Rebfläche", "vigne, vignoble", "viñedo, viña"),
    "olive": ("Olive, Oliven", "olivier, olive", "olivo, olivar"),
    "citrus": ("Zitrus, Zitrusfrüchte", "agrumes", "cítricos"),
    "mango": ("Mango", "mangue, manguier", "mango"),
    "coffee": ("Kaffee", "café, caféier", "café, cafeto"),
    "shaded coffee": ("Schattenkaffee", "café sous ombrage", "café de sombra"),
    "tea": ("Tee", "thé", "té"),
    "cocoa": ("Kakao", "cacao, cacaoyer", "cacao"),
    "banana": ("Banane, Bananen", "banane, bananier", "plátano, banano"),
    "oil palm": ("Ölpalme, Ölpalmen", "palmier à huile", "palma aceitera, palma de aceite"),
    "rubber": ("Kautschuk", "hévéa, caoutchouc", "caucho"),
    "date palm": ("Dattelpalme", "palmier dattier", "palma datilera"),
    "hops": ("Hopfen", "houblon", "lúpulo"),
    "strawberry": ("Erdbeere, Erdbeeren", "fraise, fraises", "fresa, fresas"),
    "broad-leaved forest": ("Laubwald", "forêt de feuillus", "bosque de frondosas"),
    "needle forest": ("Nadelwald", "forêt de conifères", "bosque de coníferas"),
    "evergreen forest": ("immergrüner Wald", "forêt sempervirente", "bosque siempreverde"),
    "dry forest": ("Trockenwald", "forêt sèche", "bosque seco"),
    "shrub": ("Strauch, Gebüsch, Buschland", "arbustes, broussailles", "matorral"),
    "wetland": ("Feuchtgebiet, Moor", "zone humide, marais", "humedal"),
    "water": ("Wasser, Gewässer", "eau", "agua"),
    "bare ground": ("offener Boden, kahler Boden", "sol nu", "suelo desnudo"),
    "built-up": ("Siedlung, bebaut", "bâti, zone urbaine", "urbano, edificado"),
}  # fmt: skip
"""Names of each crop in :data:`LANGUAGES`."""


def translated(crop: str) -> dict[str, tuple[str, ...]]:
    """Returns the names of a crop by language.

    Args:
        crop: name of a crop of the table.

    Raises:
        KeyError: the table has no such crop.

    Example:
        >>> translated("sugar beet")["German"]
        ('Zuckerrübe', 'Zuckerrüben')
    """
    return {
        language: tuple(names.split(", "))
        for language, names in zip(LANGUAGES, TRANSLATIONS[crop], strict=True)
    }
