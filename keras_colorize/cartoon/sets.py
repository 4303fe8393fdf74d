"""The places of the cartoon: palettes and drawings of sets of 1280 x 480 units, ground at 360."""

import itertools

import numpy as np

from keras_colorize.cartoon.drawing import Color, Pen

LEFT, RIGHT, BOTTOM = -300, 1580, 600

SET_PALETTES: dict[str, dict[str, Color]] = {
    "meadow": {
        "outline": (24, 84, 44), "zenith": (64, 156, 240), "sky": (120, 196, 250),
        "cloud": (236, 248, 255), "far": (120, 196, 120), "hill": (84, 180, 72),
        "grass": (112, 204, 60), "path": (238, 196, 110), "trunk": (132, 80, 36),
        "crown": (32, 128, 56), "leaf": (60, 158, 62), "fruit": (232, 52, 40),
        "petal": (255, 120, 190), "sun": (255, 236, 110),
    },
    "seaside": {
        "outline": (120, 68, 40), "sky": (132, 222, 240), "glow": (190, 240, 236),
        "deep": (16, 92, 176), "sea": (24, 130, 200), "shallow": (56, 178, 206),
        "sand": (246, 206, 120), "wet": (222, 172, 92), "sail": (255, 124, 48),
        "hull": (150, 40, 48), "pole": (140, 84, 48), "red": (236, 66, 60),
        "yellow": (255, 220, 80), "frond": (40, 150, 70), "star": (240, 112, 70),
    },
    "room": {
        "outline": (104, 44, 20), "wall": (244, 152, 60), "stripe": (236, 132, 44),
        "board": (170, 76, 30), "floor": (196, 104, 50), "plank": (168, 84, 38),
        "frame": (255, 226, 150), "sky": (110, 190, 246), "hill": (90, 178, 80),
        "sofa": (40, 132, 92), "cushion": (70, 168, 116), "shelf": (126, 58, 28),
        "book red": (206, 48, 52), "book blue": (44, 92, 190), "book green": (66, 160, 74),
        "rug": (150, 44, 96), "rug edge": (224, 96, 130), "lamp": (255, 232, 110),
    },
    "evening": {
        "outline": (40, 16, 76), "zenith": (70, 36, 132), "sky": (112, 52, 160),
        "glow": (190, 80, 170), "dusk": (240, 120, 140), "moon": (255, 232, 150),
        "hill": (84, 40, 124), "house": (98, 44, 112), "roof": (60, 24, 92),
        "window": (255, 206, 80), "ground": (92, 56, 148), "road": (122, 78, 172),
        "bush": (46, 40, 112), "lamp": (255, 240, 170),
    },
    "canyon": {
        "outline": (110, 30, 20), "sky": (70, 200, 196), "glow": (150, 226, 204),
        "far": (222, 130, 100), "rock": (196, 72, 44), "strata": (160, 48, 34),
        "light": (226, 104, 62), "ground": (240, 164, 84), "dune": (222, 140, 66),
        "cactus": (40, 134, 60), "rib": (84, 172, 76), "flower": (246, 70, 130),
        "pebble": (164, 82, 48),
    },
}


def draw_set(pen: Pen, name: str) -> None:
    """Draws a set; the pen's units are those of the set."""
    {"meadow": _meadow, "seaside": _seaside, "room": _room, "evening": _evening,
     "canyon": _canyon}[name](pen)


def _bands(pen: Pen, **tops: float) -> None:
    """Draws full-width bands, each from its top down to where the next begins."""
    for part, top in tops.items():
        pen.box(part, (LEFT, top, RIGHT, BOTTOM))


def _ridge(pen: Pen, part: str, y: float, height: float, length: float, phase: float = 0) -> None:
    """Draws a rolling line, such as hills or waves, filled down to the bottom."""
    x = np.linspace(LEFT, RIGHT, 120)
    crest = y - height * (np.sin(2 * np.pi * x / length + phase)
                          + 0.4 * np.sin(5 * np.pi * x / length + 2 * phase))
    pen.polygon(part, [*zip(x, crest, strict=True), (RIGHT, BOTTOM), (LEFT, BOTTOM)])


def _scattered(seed: int, count: int, top: float, bottom: float) -> np.ndarray:
    """Returns places [count, 2] over the whole width, from far to near; the same for a seed."""
    places = np.random.default_rng(seed).uniform((LEFT, top), (RIGHT, bottom), (count, 2))
    return places[np.argsort(places[:, 1])]


def _cloud(pen: Pen) -> None:
    for x, y, radius in ((-40, 4, 22), (-12, -10, 32), (24, -4, 28), (50, 6, 18)):
        pen.disk("cloud", x, y, radius, radius * 0.8)
    pen.box("cloud", (-56, 6, 62, 20), round_by=7)


def _tree(pen: Pen) -> None:
    pen.polygon("trunk", [(-12, -90), (12, -90), (18, 4), (-18, 4)], 2)
    crown = [(-70, -120), (-58, -176), (-10, -216), (48, -190), (72, -136), (44, -90), (-40, -86)]
    pen.blob("crown", crown, 2)
    pen.blob("leaf", [(x * 0.6 - 12, y * 0.6 - 74) for x, y in crown])
    for x, y in ((-40, -120), (10, -108), (44, -140), (20, -178), (-24, -160)):
        pen.disk("fruit", x, y, 7)


def _meadow(pen: Pen) -> None:
    _bands(pen, zenith=-200, sky=110)
    pen.disk("sun", 980, 70, 46)
    for x, y, scale in ((120, 70, 1.1), (470, 120, 0.9), (760, 60, 1.2), (1180, 140, 1.0)):
        _cloud(pen.moved(x, y, scale))
    _ridge(pen, "far", 260, 22, 520)
    _ridge(pen, "hill", 300, 20, 700, 2)
    _ridge(pen, "grass", 352, 7, 900, 1)
    pen.blob("path", [(560, 350), (640, 348), (700, 390), (640, 430), (760, 620), (380, 620),
                      (500, 430), (590, 390)])
    for x, y, scale in ((60, 352, 0.9), (330, 358, 1.15), (860, 356, 1.0), (1120, 362, 1.25)):
        _tree(pen.moved(x, y, scale))
    for x, y in _scattered(3, 70, 372, 520):
        pen.stroke("crown", [(x, y), (x, y + 9)], 2)
        pen.disk("petal", x, y, 5)
        pen.disk("sun", x, y, 2)


def _umbrella(pen: Pen) -> None:
    pen.stroke("pole", [(0, 0), (14, -150)], 6)
    dome = pen.moved(14, -130, degrees=6)
    for k, (start, end) in enumerate(itertools.pairwise(np.linspace(-90, 90, 6))):
        pie = [(s, -62 * (1 - (s / 90) ** 2) ** 0.5) for s in np.linspace(start, end, 8)]
        dome.polygon("yellow" if k % 2 else "red", [*pie, (end, 4), (start, 4)])


def _palm(pen: Pen) -> None:
    pen.stroke("pole", [(0, 4), (8, -60), (22, -120), (44, -170)], 15, 2)
    for degrees in (-165, -125, -75, -30, 5):
        frond = pen.moved(44, -170, degrees=degrees)
        frond.blob("frond", [(0, -6), (40, -22), (88, -8), (98, 18), (70, 10), (30, 4)])


def _seaside(pen: Pen) -> None:
    _bands(pen, sky=-200, glow=150, deep=205, sea=240)
    for x in (240, 720, 1130):
        boat = pen.moved(x, 226, 0.9)
        boat.polygon("hull", [(-40, -6), (44, -6), (28, 12), (-28, 12)])
        boat.polygon("sail", [(2, -90), (2, -12), (46, -12)])
        boat.polygon("yellow", [(-4, -76), (-4, -12), (-34, -12)])
    _ridge(pen, "shallow", 296, 4, 240)
    _ridge(pen, "glow", 328, 4, 300, 1)
    _ridge(pen, "wet", 336, 4, 300, 1)
    _ridge(pen, "sand", 356, 5, 420, 2)
    for x, y, scale in ((40, 380, 1.1), (850, 376, 1.25)):
        _palm(pen.moved(x, y, scale))
    for x, y, scale in ((420, 392, 1.0), (1120, 400, 1.1)):
        _umbrella(pen.moved(x, y, scale))
    for x, y in _scattered(5, 26, 380, 540):
        for degrees in range(0, 360, 72):
            pen.moved(x, y, 1, False, degrees).polygon("star", [(-4, 0), (0, -11), (4, 0)])


def _bookcase(pen: Pen) -> None:
    pen.box("shelf", (-80, -250, 80, 0), 2)
    for row, bottom in enumerate((-12, -90, -168)):
        pen.box("board", (-70, bottom - 66, 70, bottom))
        for k in range(8):
            part = ("book red", "book blue", "book green")[(k * 2 + row) % 3]
            pen.box(part, (-66 + 16 * k, bottom - 46 - 7 * ((k + row) % 3), -53 + 16 * k, bottom))


def _window(pen: Pen) -> None:
    pen.box("frame", (-84, -76, 84, 76), 2)
    pen.box("sky", (-72, -64, 72, 64))
    pen.blob("hill", [(-72, 64), (-72, 30), (-20, 16), (30, 34), (72, 22), (72, 64)])
    pen.box("frame", (-5, -64, 5, 64))
    pen.box("frame", (-72, -6, 72, 4))


def _sofa(pen: Pen) -> None:
    pen.box("sofa", (-120, -110, 120, -10), 2, round_by=24)
    for x in (-52, 52):
        pen.box("cushion", (x - 50, -62, x + 50, -26), 2, round_by=12)
    for x in (-124, 124):
        pen.box("sofa", (x - 20, -78, x + 20, 0), 2, round_by=16)


def _room(pen: Pen) -> None:
    _bands(pen, wall=-200)
    for x in range(LEFT, RIGHT, 64):
        pen.box("stripe", (x, -200, x + 26, 360))
    _bands(pen, board=346, floor=360)
    for k, y in enumerate((384, 416, 456, 506)):
        pen.box("plank", (LEFT, y, RIGHT, y + 3))
        for x in range(LEFT + 70 * k, RIGHT, 210):
            pen.box("plank", (x, y, x + 3, y + 28 + 8 * k))
    pen.disk("rug edge", 640, 430, 270, 44)
    pen.disk("rug", 640, 430, 250, 37)
    for x in (300, 1010):
        _window(pen.moved(x, 190))
    _bookcase(pen.moved(90, 366))
    _bookcase(pen.moved(1200, 366))
    _sofa(pen.moved(640, 374, 1.15))
    for x, part in ((560, "book blue"), (700, "book red")):
        pen.box("shelf", (x - 46, 120, x + 46, 190), 2)
        pen.box(part, (x - 38, 128, x + 38, 182))
        pen.disk("lamp", x, 155, 18)
    for x in (440, 850):
        pen.stroke("shelf", [(x, 366), (x, 210)], 6)
        pen.polygon("lamp", [(x - 20, 170), (x + 20, 170), (x + 38, 222), (x - 38, 222)], 2)


def _house(pen: Pen) -> None:
    pen.box("house", (-60, -130, 60, 0), 2)
    pen.polygon("roof", [(-74, -128), (0, -196), (74, -128)], 2)
    pen.box("roof", (-14, -54, 14, 0), round_by=4)
    for x in (-36, 36):
        for y in (-104, -52):
            pen.box("window", (x - 13, y - 14, x + 13, y + 14), 2)


def _evening(pen: Pen) -> None:
    _bands(pen, zenith=-200, sky=90, glow=190, dusk=250)
    for x, y in _scattered(11, 60, -100, 180):
        pen.disk("moon", x, y, 2.2)
    pen.disk("moon", 860, 90, 48)
    pen.disk("zenith", 880, 76, 40)
    _ridge(pen, "hill", 290, 24, 640, 1)
    for x, scale in ((60, 1.1), (230, 0.85), (420, 1.2), (700, 0.9), (880, 1.1), (1190, 1.25)):
        _house(pen.moved(x, 362, scale))
    _bands(pen, ground=356, road=396)
    for x in range(LEFT, RIGHT, 130):
        pen.blob("bush", [(x - 40, 372), (x - 24, 340), (x + 6, 330), (x + 34, 344), (x + 46, 372)])
    for x in (320, 590, 1020):
        pen.stroke("outline", [(x, 384), (x, 190)], 7)
        pen.disk("lamp", x, 180, 17, line=2)


def _mesa(pen: Pen) -> None:
    pen.polygon("rock", [(-120, 10), (-96, -150), (-70, -166), (66, -160), (84, -140), (124, 10)])
    for y, part in ((-132, "strata"), (-96, "light"), (-58, "strata"), (-22, "light")):
        inset = 102 - y / -7
        pen.polygon(part, [(-inset, y), (inset - 6, y), (inset - 2, y + 15), (-inset - 3, y + 15)])


def _cactus(pen: Pen) -> None:
    for arm in ([(0, -50), (-32, -54), (-34, -92)], [(0, -34), (30, -40), (32, -74)]):
        pen.stroke("cactus", arm, 16, 2)
    pen.stroke("cactus", [(0, 0), (0, -116)], 26, 2)
    for x in (-5, 5):
        pen.stroke("rib", [(x, -6), (x, -114)], 3)
    pen.disk("flower", 0, -132, 9)


def _canyon(pen: Pen) -> None:
    _bands(pen, sky=-200, glow=160)
    pen.disk("light", 240, 90, 44)
    _ridge(pen, "far", 270, 26, 460, 1)
    for x, scale in ((30, 1.2), (420, 0.9), (700, 1.5), (1060, 1.1), (1330, 1.4)):
        _mesa(pen.moved(x, 350, scale))
    _ridge(pen, "ground", 352, 5, 620)
    _ridge(pen, "dune", 410, 7, 540, 2)
    for x, y, scale in ((190, 380, 1.1), (560, 372, 0.9), (910, 388, 1.25), (1210, 376, 1.0)):
        _cactus(pen.moved(x, y, scale))
    for x, y in _scattered(17, 30, 384, 540):
        pen.disk("pebble", x, y, 9, 5)
