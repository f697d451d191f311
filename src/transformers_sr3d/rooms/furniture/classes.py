# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, names: catalogue name -> class that a person would say.

The catalogue names models, not classes: "Couch", "Burlap sofa" and "Sofa 3 seats" are one thing to whoever answers
questions about a room. A class holds what looks and works alike, so a cabinet on the wall and one on the floor are
two. Where the catalogue gives unlike things one name, the model's key decides. The price of a written table is that a
new catalogue needs new lines; a name that the table lacks keeps itself as its class.

May import: the standard library only.
"""

LABEL_NAMES: dict[str, tuple[str, ...]] = {
    # to sit and to lie on
    "sofa": (
        "burlap sofa",
        "clear sofa",
        "couch",
        "futon couch",
        "sofa 2 seats",
        "sofa 3 seats",
        "winchester sofa",
        "convertible sofa bz",
    ),
    "corner sofa": (),
    "armchair": ("armchair ottoman", "modern armchair", "winchester armchair"),
    "chair": (
        "chair with cushion",
        "child chair",
        "children chair",
        "class seat",
        "folding chair",
        "oak chair",
        "osaka chair",
        "plastic chair",
    ),
    "floor chair": ("ryokan chair",),
    "stool": ("bar chair", "bar stool"),
    "bench": ("piano bench",),
    "bean bag": ("puff",),
    "high chair": ("baby high chair",),
    "bed": ("captain's bed", "child bed", "day bed", "hospital bed", "iron bed"),
    "sofa bed": ("opened convertible sofa bz",),
    "bunk bed": ("mezzanine bed",),
    "crib": ("baby bed",),
    "mattress": ("air mattress", "futon"),
    # to put things on and into
    "table": (
        "bar table",
        "black table",
        "children table",
        "folding table",
        "glass table",
        "oak table",
        "round table",
        "table on trestles",
        "table with tablecloth",
        "wooden alder table",
        "wooden table",
        "wooden teak table",
        "technical table",
    ),
    "desk": ("desk table", "wooden desk"),
    "bookcase": ("full bookcase", "shelves", "vertical shelves"),
    "dresser": ("chest", "dresser with drawers"),
    "tv stand": ("television cabinet",),
    "wardrobe": ("cupboard",),
    "base cabinet": ("drawers cabinet", "lower cabinet", "lower corner cabinet", "small lower cabinet"),
    "wall cabinet": (
        "glass door cabinet",
        "small upper cabinet",
        "upper cabinet",
        "upper corner cabinet",
        "upper shelves cabinet",
    ),
    "tall cabinet": ("high cabinet",),
    "kitchen island": ("island", "island extension"),
    "box": ("cardboard box", "crate", "open cardboard box"),
    "trunk": ("trunck",),
    "locker": ("locked locker",),
    "basket": ("clothes basket", "shopping basket"),
    "trash can": ("bullet trash can", "dustbin", "recycling bin"),
    # kitchen and bathroom
    "refrigerator": ("fridge", "large fridge"),
    "freezer": ("chest freezer",),
    "stove": ("large stove", "propane stove"),
    "cooktop": ("induction cooker 2 zones", "induction cooker 4 zones"),
    "oven": ("double oven", "small oven"),
    "range hood": ("hood",),
    "washing machine": ("clothes washing machine", "dryer machine"),
    "kitchen sink": ("sink", "sink cabinet"),
    "coffee maker": ("coffee brewer", "coffee machine"),
    "french press": ("coffee press",),
    "kettle": ("boiler",),
    "moka pot": ("espresso kettle",),
    "rice cooker": ("cooker",),
    "cup": ("coffee cup", "coffee mug", "plastic cup"),
    "glass": ("beer glass", "cocktail glass"),
    "bottle": ("baby bottle", "beer bottle", "medicine bottle", "wine bottle", "yogurt bottle", "flacon"),
    "bowl": ("apples", "bowl with fruits", "bowl with salad"),
    "plate": ("oval plate",),
    "place setting": ("plate, glass and cutlery", "plate, glasses and cutlery"),
    "jug": ("creamer", "old jar"),
    "jar": ("cosmetics pot", "pottery", "sugar"),
    "pot": ("large pan",),
    "tray": ("letter tray", "sushi tray"),
    "scale": ("electronic scale", "kitchen scale"),
    "knife block": ("knife stand",),
    "cutting board": ("chopping board",),
    "kitchen tool": ("tool",),
    "toilet": ("toilets unit",),
    "washbasin": ("small lavatory",),
    "vanity": ("double vanity",),
    "bathtub": ("bath", "corner bathtub", "island bath"),
    "shower": ("shower stall",),
    "shower head": ("shower head and faucet",),
    "soap dispenser": ("soap",),
    "toilet paper holder": ("toilet paper dispenser",),
    "water heater": ("electric water heater", "gaz water heater"),
    "air conditioner": ("air conditioning - internal unit",),
    "wood stove": ("furnace",),
    # lamps
    "table lamp": ("desk lamp", "lamp", "little lamp", "pedestal vase lamp"),
    "floor lamp": (),
    "ceiling lamp": ("chandelier lamp", "hanging light", "pendant lamp"),
    "fluorescent lamp": ("fluorescent light", "fluorescent strip"),
    "wall lamp": ("wall lamp artwork", "wall light", "wall spotlight"),
    "lantern": ("camping lamp", "japanese lantern"),
    # plants, floor coverings, decoration
    "plant": (
        "bamboo",
        "bonsai tree",
        "cactus",
        "decorative plant",
        "ficus",
        "indoor plant",
        "little plant",
        "spathiphyllum",
        "spider plant",
        "succulent plant",
        "yucca",
    ),
    "flowers": ("orchids", "tulips", "white lily"),
    "rug": ("bathmat", "doormat", "oriental rug", "round carpet"),
    "picture frame": ("frame chambord", "frame hôi an"),
    "clock": ("cuckoo clock",),
    "folding screen": ("screen",),
    "dartboard": ("dart game",),
    "deer figurine": ("deer",),
    # electronics
    "tv": ("tv 16:9", "wall flat tv"),
    "computer": ("apple imac 1998", "apple imac 2004"),
    "laptop": ("apple ibook",),
    "printer": ("inkjet printer and scanner",),
    "telephone": ("phone", "wireless phone"),
    "mobile phone": ("apple iphone",),
    "remote control": ("tv remote control",),
    "game console": ("playstation",),
    "game controller": ("joystick",),
    "projector": ("video projector",),
    "stereo": ("mini stereo", "mp3 base", "mp3 station", "stereo amplifier"),
    "fan": ("rigged fan", "table fan"),
    "camera": ("reflex camera",),
    "surveillance camera": ("cctv",),
    "keyboard": (),
    # the rest
    "piano": ("grand piano", "upright piano"),
    "guitar": ("electric guitar",),
    "shoes": ("bootie", "mocassin", "slippers", "sneakers", "woman shoes"),
    "hat": ("cap",),
    "ball": ("basketball", "soccer ball"),
    "toy car": ("car model",),
    "toy plane": ("biplane",),
    "toy figure": ("wood toy",),
    "dollhouse": ("doll house",),
    "step ladder": ("small step ladder",),
    "fire extinguisher": ("extinguisher",),
    "water dispenser": ("water cooler",),
    "whiteboard": ("white board",),
    "pen holder": ("penbox",),
    "coat hooks": ("wall hanger",),
    "blind": ("window blind",),
    "drying rack": ("clothes horse",),
    "pinball machine": ("flipper",),
    "table football": ("football table",),
    "exercise bike": ("indoor bike",),
    "weight bench": ("abdominal bench",),
    "punching bag": ("punching ball",),
    "traffic cone": ("cone",),
    "ashtray": ("hashtray",),
    "clothes hanger": ("wire coathanger",),
}

CATEGORY_LABELS: dict[tuple[str, str], str] = {
    ("bookcase", "office"): "cabinet",
    ("box", "living room"): "cabinet",
    ("box", "office"): "cabinet",
    ("chair", "office"): "office chair",
    ("shovel", "kitchen"): "dustpan",
    ("socket", "bedroom"): "sock",
    ("stove", "kitchen"): "cooktop",
}

KEY_LABELS: dict[str, str] = {
    "Blend Swap CC-0#armchair": "chair",
    "Blend Swap CC-0#couch2": "corner sofa",
    "Blend Swap CC-0#knifeStandSwap": "knife rack",
    "Blend Swap CC-0#lamp2": "ceiling lamp",
    "Blend Swap CC-0#technicalTable2": "drawing table",
    "Blend Swap CC-BY#leaf_chair": "armchair",
    "Scopia#calla_lily_with_roses": "flowers",
    "Scopia#living_lamp": "floor lamp",
    "Scopia#living_room_table": "coffee table",
}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "air conditioner": ("air conditioning", "ac", "ac unit"),
    "aquarium": ("fish tank",),
    "armchair": ("easy chair", "lounge chair", "chair"),
    "ball": ("basketball", "soccer ball", "football"),
    "base cabinet": ("lower cabinet", "kitchen cabinet", "floor cabinet", "cabinet", "cupboard"),
    "basket": ("laundry basket", "clothes basket", "hamper"),
    "bathtub": ("bath", "tub", "bath tub"),
    "bean bag": ("beanbag", "pouf", "puff", "bean bag chair"),
    "bed": ("bedstead", "single bed", "double bed"),
    "bedside table": ("nightstand", "night stand", "night table"),
    "bench": ("piano bench",),
    "bookcase": ("bookshelf", "book shelf", "shelf", "shelves", "shelving", "book case"),
    "bottle": ("flask", "wine bottle", "beer bottle"),
    "bowl": ("fruit bowl", "salad bowl", "dish"),
    "box": ("cardboard box", "crate", "carton", "storage box", "wooden box"),
    "bunk bed": ("loft bed", "bed"),
    "cabinet": ("sideboard", "cupboard", "storage cabinet"),
    "ceiling lamp": ("ceiling light", "pendant lamp", "pendant light", "hanging lamp", "chandelier", "lamp", "light"),
    "chair": ("dining chair", "seat"),
    "clock": ("wall clock", "cuckoo clock", "alarm clock"),
    "coffee maker": ("coffee machine", "espresso machine", "coffee brewer"),
    "coffee table": ("low table", "cocktail table", "side table", "table"),
    "computer": ("desktop computer", "pc", "imac"),
    "cooktop": ("hob", "stovetop", "stove top", "induction cooktop"),
    "corner sofa": ("sofa", "couch", "sectional", "sectional sofa", "corner couch"),
    "crib": ("baby bed", "cot", "cradle"),
    "cup": ("mug", "coffee cup", "coffee mug"),
    "desk": ("writing desk", "office desk", "table"),
    "dresser": ("chest of drawers", "drawers", "sideboard", "bureau"),
    "drawing table": ("drafting table", "table", "desk"),
    "fan": ("table fan",),
    "floor chair": ("chair", "seat"),
    "floor lamp": ("standing lamp", "lamp", "light"),
    "flowers": ("flower", "tulips", "orchids", "bouquet", "vase of flowers", "plant"),
    "fluorescent lamp": ("fluorescent light", "tube light", "lamp", "light"),
    "freezer": ("chest freezer", "refrigerator"),
    "glass": ("drinking glass", "wine glass", "beer glass"),
    "jar": ("pot", "container"),
    "jug": ("pitcher", "creamer"),
    "kitchen island": ("island", "kitchen counter", "counter"),
    "kitchen sink": ("sink", "sink cabinet"),
    "laptop": ("notebook", "laptop computer", "computer"),
    "office chair": ("desk chair", "swivel chair", "chair"),
    "oven": ("built-in oven", "stove", "cooker"),
    "piano": ("grand piano", "upright piano"),
    "picture frame": ("photo frame", "frame", "picture"),
    "plant": ("potted plant", "house plant", "houseplant", "indoor plant", "tree", "pot plant"),
    "radiator": ("heater", "towel radiator"),
    "range hood": ("hood", "extractor hood", "cooker hood", "kitchen hood"),
    "refrigerator": ("fridge", "freezer"),
    "rug": ("carpet", "mat", "bath mat", "door mat", "doormat"),
    "shoes": ("shoe", "boots", "sneakers", "slippers"),
    "shower": ("shower stall", "shower cabin"),
    "sofa": ("couch", "settee", "loveseat", "love seat"),
    "sofa bed": ("bed", "sofa", "couch"),
    "speaker": ("loudspeaker",),
    "stereo": ("radio", "hi-fi", "music player", "amplifier"),
    "stool": ("bar stool", "barstool", "bar chair"),
    "stove": ("cooker", "range", "oven"),
    "table": ("dining table",),
    "table lamp": ("desk lamp", "lamp", "light"),
    "tall cabinet": ("oven cabinet", "cabinet", "cupboard"),
    "telephone": ("phone", "desk phone"),
    "toilet": ("wc", "toilet bowl", "lavatory"),
    "trash can": ("dustbin", "bin", "trash bin", "garbage can", "waste bin", "wastebasket", "recycling bin"),
    "trunk": ("chest",),
    "tv": ("television", "tv set", "tv screen", "screen", "flat tv"),
    "tv stand": ("television stand", "tv cabinet", "tv unit", "media console"),
    "vanity": ("washbasin", "sink", "bathroom sink", "bathroom cabinet", "vanity unit"),
    "vase": ("jar", "urn"),
    "wall cabinet": ("upper cabinet", "kitchen cabinet", "hanging cabinet", "cabinet", "cupboard"),
    "wall lamp": ("wall light", "sconce", "lamp", "light"),
    "wardrobe": ("closet", "cupboard", "armoire"),
    "washbasin": ("sink", "bathroom sink", "basin", "wash basin", "lavatory"),
    "washing machine": ("washer", "dryer", "tumble dryer", "clothes dryer"),
}

PLURAL_ONLY = (
    *("clothes", "flowers", "french fries", "glasses", "headphones", "hooks", "keys", "lights", "pliers"),
    *("scissors", "shoes", "sunglasses", "trousers", "logs", "kitchen tools"),
)
IRREGULAR_PLURALS = {"knife": "knives", "shelf": "shelves"}

_NAME_LABELS = {name: label for label, names in LABEL_NAMES.items() for name in names}


def furniture_label(name: str, category: str, key: str = "") -> str:
    """Give the class of a model of the catalogue, a lower-case common noun.

    Args:
        name (`str`): Name in the catalogue, for example `"Burlap sofa"`.
        category (`str`): Category in the catalogue; it tells an office chair from others of that name.
        key (`str`, defaults to `""`): The model's key; decides where unlike models share name and category.

    Returns:
        `str`: For example `"sofa"`; the lower-case name itself where the table has no line for it.
    """
    plain = " ".join(name.lower().split())
    by_category = CATEGORY_LABELS.get((plain, category.lower()))
    return KEY_LABELS.get(key) or by_category or _NAME_LABELS.get(plain, plain)


def plural(label: str) -> str:
    """Give the plural of a class name.

    Args:
        label (`str`): For example `"bench"`.

    Returns:
        `str`: For example `"benches"`; what is a plural already stays as it is.
    """
    if label.endswith(PLURAL_ONLY):
        return label
    for single, several in IRREGULAR_PLURALS.items():
        if label.endswith(single):
            return label.removesuffix(single) + several
    if label.endswith(("s", "x", "ch", "sh")):
        return label + "es"
    if label.endswith("y") and label[-2:-1] not in tuple("aeiou"):
        return label[:-1] + "ies"
    return label + "s"
