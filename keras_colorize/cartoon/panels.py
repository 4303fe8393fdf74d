"""Panels, balloons and sounds: the parts that a manga page is put together from, and their ink."""

import dataclasses

import cv2
import numpy as np

from keras_colorize.cartoon.cast import PALETTES, draw_character, pose
from keras_colorize.cartoon.drawing import (
    CIRCLE,
    FINENESS,
    SUBPIXEL_BITS,
    Color,
    fixed_point,
)
from keras_colorize.cartoon.inking import Ink, InkCanvas, InkPen
from keras_colorize.cartoon.lettering import write
from keras_colorize.cartoon.sets import SET_PALETTES, draw_set
from keras_colorize.cartoon.storyboard import Role


def _inks(**parts: str) -> dict[str, Ink]:
    """Returns the ink of each part, from the names of the parts of each ink."""
    return {part: Ink[ink] for ink, names in parts.items() for part in names.split(", ")}


TWIN = _inks(MIDDLE="dress", BLACK="shoes, iris, mouth")
CAST_INKS = {
    "rosa": TWIN, "indigo": TWIN | _inks(BLACK="hair"),
    "bolt": _inks(LIGHT="shell", MIDDLE="panel", BLACK="joint, visor", HATCH="lamp"),
    "pim": _inks(LIGHT="belly", MIDDLE="tips", BLACK="pupil, mouth"),
}
SET_INKS = {
    "meadow": _inks(FALL="zenith, sky", LIGHT="far, leaf", MIDDLE="crown", HATCH="trunk",
                    BLACK="fruit"),
    "seaside": _inks(FALL="sky", LIGHT="sea, wet", MIDDLE="deep, red", DARK="frond", HATCH="pole",
                     BLACK="hull"),
    "room": _inks(LIGHT="stripe, hill, cushion", MIDDLE="sofa, book red, rug", DARK="board",
                  HATCH="shelf", BLACK="book blue", LINE="plank"),
    "evening": _inks(LIGHT="dusk, house", MIDDLE="glow, ground", DARK="sky, hill",
                     BLACK="zenith, roof, bush"),
    "canyon": _inks(FALL="sky, glow", LIGHT="far, dune", MIDDLE="cactus", HATCH="strata, pebble",
                    BLACK="flower"),
}
"""How the parts of the cast and of the sets are printed; what is not named is bare paper."""
ALIKE = (("zenith", "sky"), ("stripe", "wall"), ("cheek", "skin"), ("cheek", "fur"),
         ("shine", "hair"))
"""Parts that no line divides from another have the colour of that."""
PLAIN = frozenset({"zenith", "sky", "glow", "dusk", "stripe", "plank"})
FIGURE_LINE, SET_LINE, FRAME = 2.0, 1.1, 5.0
DRAWING = 3  # of an action: arms swing, mouths are open


@dataclasses.dataclass(frozen=True)
class Panel:
    """A part of a page, with what is seen in it. Coordinates are those of the page, x first.

    Attributes:
        corners: of its outline; they may lie beyond the page, which makes a bleed.
        place: the set behind the cast, or a colour, or nothing for the page's own paper.
        camera: centre x, centre y in units of the set, and units of the page per unit.
        roles: the cast.
        rays: None; or "focus", lines from all sides; or "speed", lines across.
        screen: how far the dots of its tones lie apart, and the angle of their rows.
        inks: printed otherwise than the cast and the sets are elsewhere, by part.
        framed: whether it has a frame.
        inset: whether it lies on another panel, in a margin of its own.
    """

    corners: tuple[tuple[float, float], ...]
    place: str | Color | None
    camera: tuple[float, float, float]
    roles: tuple[Role, ...] = ()
    rays: str | None = None
    screen: tuple[float, float] = (6.5, 45)
    inks: dict[str, Ink] = dataclasses.field(default_factory=dict)
    framed: bool = True
    inset: bool = False


@dataclasses.dataclass(frozen=True)
class Balloon:
    """White paper with lettering: "oval", "open" with gaps in its outline, "spiky", "cloud" or
    "box"; `tail` is where its point or its bubbles lead to.
    """

    kind: str
    x: float
    y: float
    axes: tuple[float, float]
    text: str
    size: float = 26
    tail: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Sound:
    """A sound in large letters, over whatever is there: hollow with a colour, or black."""

    text: str
    x: float
    y: float
    size: float
    degrees: float = 0
    color: Color | None = None


def page_pen(canvas: InkCanvas, scale: float) -> InkPen:
    """Returns a pen in units of the page, with the parts that are no one's."""
    inks = _inks(LINE="outline, letters", BALLOON="balloon", MARGIN="margin", PAPER="white")
    palette = dict.fromkeys(inks, (255, 255, 255))
    return InkPen(canvas, palette, inks, np.array([[scale, 0, 0], [0, scale, 0]]), 2.5)


def draw_panel(page: InkCanvas, panel: Panel, scale: float) -> None:
    """Draws a panel on a page."""
    corners = np.array(panel.corners)
    low = np.floor(corners.min(0) * scale).astype(int)
    width, height = np.ceil(corners.max(0) * scale).astype(int) - low
    canvas = InkCanvas((int(height), int(width)), Ink.PAPER if panel.place else Ink.MARGIN)
    x, y, zoom = panel.camera
    middle = (corners.min(0) + corners.max(0)) / 2 * scale - low
    view = np.array([[zoom * scale, 0, middle[0] - x * zoom * scale],
                     [0, zoom * scale, middle[1] - y * zoom * scale]])
    _draw_place(canvas, panel, view)
    if panel.rays:
        _draw_rays(canvas, panel, scale, middle / scale, (corners.max(0) - corners.min(0)))
    for role in panel.roles:
        _draw_role(canvas, role, view, panel.inks)
    canvas.tone(panel.screen[0] * scale, panel.screen[1])
    mask = np.zeros((height * FINENESS, width * FINENESS), np.uint8)
    cv2.fillPoly(mask, [fixed_point(corners * scale - low)], 1, cv2.LINE_8, SUBPIXEL_BITS)
    pen = page_pen(page, scale)
    if panel.inset:
        pen.polygon("margin", corners + np.sign(corners - corners.mean(0)) * 14, 0)
    page.paste(canvas, (int(low[1]), int(low[0])), mask)
    if panel.framed:
        pen.stroke("letters", np.vstack([corners, corners[:1]]), FRAME, 0)


def _draw_place(canvas: InkCanvas, panel: Panel, view: np.ndarray) -> None:
    if isinstance(panel.place, str):
        pen = _pen(canvas, SET_PALETTES[panel.place], SET_INKS[panel.place] | panel.inks, view,
                   SET_LINE)
        draw_set(pen, panel.place)
    elif panel.place:
        ground = InkPen(canvas, {"ground": panel.place}, panel.inks, np.eye(2, 3))
        ground.box("ground", (-9, -9, canvas.labels().shape[1] + 9, canvas.labels().shape[0] + 9))


def _pen(canvas: InkCanvas, palette: dict[str, Color], inks: dict[str, Ink], view: np.ndarray,
         line: float) -> InkPen:
    """Returns a pen for a character or a set."""
    colors = palette | {part: palette[other] for part, other in ALIKE if other in palette}
    return InkPen(canvas, colors | {"gap": (0, 0, 0)},
                  inks | {"outline": Ink.LINE, "gap": Ink.GAP}, view, line, PLAIN)


def _draw_role(canvas: InkCanvas, role: Role, view: np.ndarray, inks: dict[str, Ink]) -> None:
    """Draws a character, and what ink adds to it: strands and shine of hair, folds, a blush."""
    inks = CAST_INKS[role.name] | inks
    pen = _pen(canvas, PALETTES[role.name], inks, view, FIGURE_LINE)
    pen = pen.moved(role.x, role.y, role.scale, role.mirror)
    moment = pose(role.action, DRAWING)
    draw_character(pen, role.name, moment)
    for k in range(5):
        pen.taper("outline", (-30 + 4 * k, 2 + 2.4 * k), (34 + 5 * k, 3 + 2.4 * k), 1.4)
    up = pen.moved(0, -moment.lift)
    if role.name == "pim":
        _ink_fur(up)
    elif role.name != "bolt":
        _ink_twin(up, inks.get("hair") == Ink.BLACK)


def _ink_twin(pen: InkPen, black: bool) -> None:
    strands = [((6, -195), (1, -160)), ((24, -188), (25, -158)), ((38, -178), (45, -150)),
               ((14, -193), (15, -162)), ((32, -183), (36, -154)), ((-26, -164), (-34, -150)),
               ((-8, -176), (-13, -156)), ((-40, -166), (-45, -146))]
    if black:
        pen.polygon("shine", [(-38, -172), (-24, -180), (-8, -184), (10, -184), (28, -178),
                              (40, -169), (31, -171), (27, -165), (20, -174), (12, -168),
                              (4, -179), (-6, -169), (-12, -178), (-24, -168), (-28, -174)], 0)
    else:
        for start, end in strands:
            pen.taper("outline", start, end, 2.2)
        for side in (-1, 1):
            for x in (44, 48):
                pen.taper("outline", (side * x, -82), (side * (x + 2), -116), 2)
    for side in (-1, 1):
        for x in (-3, 1, 5):
            pen.taper("outline", (6 + side * 27 + x, -112), (2 + side * 27 + x, -117), 1.2)
    for x, top in ((-12, -62), (-5, -70), (8, -66), (17, -60)):
        pen.taper("outline", (1.5 * x, -42), (x, top), 1.8)
    for k in range(5):
        pen.taper("outline", (31 - 3 * k, -44 - k), (22 - 2 * k, -62 - k), 1.1)
    for x, y in ((12, -100), (-41, -104), (34, -44)):
        pen.disk("gap", x, y, 4.5, line=0)


def _ink_fur(pen: InkPen) -> None:
    for x, y, turn in ((-46, -78, 1), (-50, -86, 1), (46, -78, -1), (50, -86, -1), (-44, -24, 1),
                       (44, -24, -1), (-38, -18, 1), (38, -18, -1)):
        pen.taper("outline", (x, y), (x + 9 * turn, y - 5), 1.6)
    for x, y in ((-30, -127), (40, -30)):
        pen.disk("gap", x, y, 5, line=0)


def _draw_rays(canvas: InkCanvas, panel: Panel, scale: float, middle: np.ndarray,
               extent: np.ndarray) -> None:
    """Draws lines that lead the eye, the same for the same panel."""
    chance = np.random.default_rng(int(extent.sum()))
    pen = page_pen(canvas, scale)
    if panel.rays == "speed":
        for y in np.arange(6, extent[1], 13):
            start, length = chance.random() * 0.3 * extent[0], chance.uniform(0.3, 0.8) * extent[0]
            pen.taper("outline", (start, y), (start + length, y + 2), chance.uniform(1.5, 5))
        return
    for angle in np.arange(0, 2 * np.pi, 0.062):
        way = np.array([np.cos(angle), np.sin(angle)])
        inner = middle + way * extent * chance.uniform(0.33, 0.44)
        pen.taper("outline", middle + way * extent.max(), inner, chance.uniform(5, 17))


def draw_balloon(page: InkCanvas, balloon: Balloon, scale: float) -> None:
    """Draws a balloon and its lettering on a page."""
    pen = page_pen(page, scale).moved(balloon.x, balloon.y)
    _draw_outline(pen, balloon)
    write(pen, "letters", balloon.text, balloon.size)


def _draw_outline(pen: InkPen, balloon: Balloon) -> None:
    axes = np.array(balloon.axes)
    tail = None if balloon.tail is None else np.array(balloon.tail) - (balloon.x, balloon.y)
    if balloon.kind == "box":
        pen.box("balloon", (-axes[0], -axes[1], axes[0], axes[1]))
    elif balloon.kind == "cloud":
        for line in (None, 0):
            for x, y in CIRCLE[::4] * axes * 0.8:
                pen.disk("balloon", x, y, axes.min() * 0.34, line=line)
        pen.disk("balloon", 0, 0, axes[0] * 0.85, axes[1] * 0.85, 0)
        for share, radius in ((1.1, 9), (1.35, 6)) if tail is not None else ():
            x, y = tail * share * np.hypot(*axes) / np.hypot(*tail) * 0.85
            pen.disk("white", x, y, radius)
    elif balloon.kind == "spiky":
        reach = np.where(np.arange(64) % 4 == 2, 1.24, np.where(np.arange(64) % 2, 1.0, 0.93))
        reach[::8] *= 1.05
        pen.polygon("balloon", CIRCLE * axes * reach[:, None])
    else:
        line = 0 if balloon.kind == "open" else None
        pen.disk("balloon", 0, 0, *axes, line)
        if tail is not None:
            side = tail[::-1] * (-1, 1) / np.hypot(*tail) * axes.min() * 0.22
            start = tail / np.hypot(*tail) * axes * 0.8
            pen.polygon("balloon", [start + side, tail, start - side])
            pen.disk("balloon", 0, 0, *axes, 0)
        for first, last in ((2, 22), (25, 38), (41, 62)) if balloon.kind == "open" else ():
            pen.stroke("letters", CIRCLE[first:last] * axes, pen.line, 0)


def draw_sound(page: InkCanvas, sound: Sound, scale: float) -> None:
    """Writes a sound over the page."""
    pen = page_pen(page, scale).moved(sound.x, sound.y, degrees=sound.degrees)
    if sound.color:
        pen = dataclasses.replace(pen, palette={**pen.palette, "white": sound.color})
        write(pen, "white", sound.text, sound.size, 0.15, 4)
    else:
        write(pen, "white", sound.text, sound.size, 0.24)
        write(pen, "letters", sound.text, sound.size, 0.15)


