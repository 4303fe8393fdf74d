"""Six manga pages of the cartoon's cast, each with its colours and its white paper.

They show what regions and paints have to bear, in black ink on paper:

0. Line art, without tones: solid black hair with a shine, open outlines, slanted gutters, vertical
   lettering, a tail.
1. Tones in dots and lines of several pitches and angles, a gradient, a bleed, a caption in a box,
   Latin lettering, a broken outline.
2. Speed and focus lines, spiky balloons, sounds across panels.
3. Night: solid black, a black panel with white lettering, an inset, a thought, dark tones.
4. Off-white paper with grain, a panel without a frame, broken outlines, Latin lettering.
5. A picture that runs off the page at three sides, a hollow sound, an inset on it, gradients.

On all of them lines lean, chins and sleeves are open, folds are hatched, and faces have no tone.
"""

import dataclasses

import cv2
import numpy as np

from keras_colorize.cartoon.inking import Ink, InkCanvas
from keras_colorize.cartoon.panels import (
    Balloon,
    Panel,
    Sound,
    draw_balloon,
    draw_panel,
    draw_sound,
)
from keras_colorize.cartoon.storyboard import Role

HEIGHT, WIDTH = 1400, 1000
PAPERS = {4: (226, 40)}
"""Paper and ink of the pages that are not white and black."""


@dataclasses.dataclass(frozen=True)
class MangaPage:
    """A page as it is printed, and what is known of it.

    Attributes:
        printed: uint8 [h, w].
        truth: uint8 RGB [h, w, 3], the flat colours between the lines, before tones darken them;
            white where paper stays white.
        margins: bool [h, w], the bare paper of margins and gutters.
        balloons: bool [h, w], that of lettered balloons and boxes, between the letters.
        ink: bool [h, w], lines, letters and solid blacks; no dots.
    """

    printed: np.ndarray
    truth: np.ndarray
    margins: np.ndarray
    balloons: np.ndarray
    ink: np.ndarray


def box(left: float, top: float, right: float, bottom: float) -> tuple[tuple[float, float], ...]:
    """Returns the corners of an upright panel."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


UNTONED = dict.fromkeys(
    ("dress", "zenith", "sky", "glow", "far", "hill", "crown", "leaf", "trunk", "stripe", "board",
     "sofa", "cushion", "shelf", "rug", "book red", "belly", "tips", "shell", "panel", "lamp"),
    Ink.PAPER)
CREAM, MINT, ROSE = (255, 240, 206), (206, 240, 220), (250, 214, 226)

PAGES: tuple[tuple[Panel | Balloon | Sound, ...], ...] = (
    (
        Panel(((55, 55), (945, 55), (945, 440), (55, 500)), "meadow", (560, 250, 1.05),
              (Role("rosa", 420, "wave", 455, 1.25), Role("indigo", 640, "talk", 455, 1.25, True)),
              inks=UNTONED),
        Panel(((55, 522), (480, 493), (430, 930), (55, 930)), "room", (640, 300, 1.0),
              (Role("indigo", 640, "talk", 530, 2.1),), inks=UNTONED),
        Panel(((502, 492), (945, 462), (945, 930), (452, 930)), CREAM, (0, 0, 1),
              (Role("rosa", -20, "stand", 420, 3.0),), inks=UNTONED),
        Panel(box(55, 952, 945, 1345), "meadow", (860, 330, 1.5),
              (Role("pim", 760, "wave", 440, 1.2), Role("rosa", 960, "walk", 455, 1.1, True)),
              inks=UNTONED),
        Balloon("oval", 835, 170, (72, 92), "ココハ/ドコダ?", 27, (760, 285)),
        Balloon("oval", 150, 620, (64, 86), "ソラガ/アカイ", 25, (215, 700)),
        Balloon("oval", 868, 585, (58, 88), "ナニモ/シラナイ", 21),
        Balloon("oval", 165, 1060, (76, 78), "マッテ/クレ!", 26, (290, 1130)),
    ),
    (
        Panel(((-20, -20), (1020, -20), (1020, 520), (-20, 520)), "seaside", (420, 240, 1.15),
              (Role("rosa", 300, "walk", 450, 1.2), Role("indigo", 470, "walk", 455, 1.2)),
              screen=(5, 45)),
        Panel(box(50, 550, 590, 920), "seaside", (1000, 290, 1.25),
              (Role("pim", 1000, "jump", 420, 1.2),), screen=(4.4, 30)),
        Panel(box(615, 550, 950, 920), ROSE, (0, 0, 1), (Role("indigo", 10, "talk", 400, 2.4),),
              screen=(4.8, 60), inks={"ground": Ink.FALL}),
        Panel(box(50, 945, 420, 1350), MINT, (0, 0, 1), (Role("rosa", 0, "wave", 330, 2.2, True),),
              screen=(5.4, 15), inks={"ground": Ink.RISE}),
        Panel(box(445, 945, 950, 1350), "seaside", (800, 300, 1.2),
              (Role("bolt", 780, "wave", 470, 1.25), Role("pim", 930, "stand", 470, 1.0, True)),
              screen=(4.6, 45)),
        Balloon("box", 170, 80, (120, 42), "ONE DAY AT/THE SEASIDE", 17),
        Balloon("oval", 860, 110, (92, 62), "IT IS FAR/TOO BLUE!", 18, (760, 215)),
        Balloon("open", 155, 640, (80, 56), "LOOK!/A STAR", 18),
        Balloon("oval", 700, 602, (74, 42), "WHAT IS/THAT?", 17, (738, 690)),
        Balloon("oval", 550, 1010, (94, 50), "I DO NOT/GET WET", 18, (612, 1110)),
    ),
    (
        Panel(((50, 50), (950, 50), (950, 330), (50, 450)), "canyon", (420, 270, 1.1),
              (Role("bolt", 380, "walk", 420, 1.3),), rays="speed", screen=(4.6, 45)),
        Panel(((50, 476), (560, 408), (430, 900), (50, 900)), CREAM, (0, 0, 1),
              (Role("rosa", 0, "talk", 430, 2.8),), rays="focus"),
        Panel(((586, 404), (950, 356), (950, 900), (456, 900)), MINT, (0, 0, 1),
              (Role("pim", 20, "jump", 250, 2.4),), rays="focus"),
        Panel(box(50, 925, 950, 1350), (206, 232, 255), (0, 0, 1),
              (Role("indigo", -190, "walk", 190, 1.7), Role("rosa", 130, "walk", 200, 1.7)),
              rays="speed", screen=(5.2, 30)),
        Balloon("spiky", 800, 150, (100, 72), "ハヤク/ニゲロ!", 26),
        Balloon("spiky", 150, 580, (66, 88), "アアア/アッ!", 26),
        Balloon("spiky", 850, 1040, (70, 84), "マテ!/マテッ", 28),
        Sound("ドドドド", 512, 620, 120, -14),
        Sound("ザザザ", 130, 1130, 92, 8, (255, 214, 84)),
    ),
    (
        Panel(box(50, 50, 950, 560), "evening", (640, 250, 1.1),
              (Role("pim", 540, "stand", 430, 1.1), Role("indigo", 740, "stand", 440, 1.2, True)),
              screen=(4.6, 45)),
        Panel(box(610, 585, 950, 1000), (30, 26, 40), (0, 0, 1), inks={"ground": Ink.BLACK}),
        Panel(box(50, 585, 585, 1000), "evening", (430, 270, 1.3),
              (Role("rosa", 500, "stand", 475, 1.9, True),), screen=(4.4, 30)),
        Panel(box(50, 1025, 950, 1350), "room", (640, 290, 1.05),
              (Role("bolt", 430, "talk", 440, 1.2), Role("indigo", 830, "stand", 450, 1.2, True)),
              screen=(4.2, 60)),
        Panel(box(640, 480, 900, 690), ROSE, (0, 0, 1), (Role("pim", 0, "talk", 150, 1.7),),
              screen=(4.6, 45), inset=True),
        Sound("ソノトキ/ワタシハ/ミテイタ", 780, 850, 30, color=(255, 255, 255)),
        Balloon("cloud", 150, 690, (84, 86), "ツキガ/ナイ…", 24, (235, 790)),
        Balloon("oval", 850, 150, (70, 84), "シズカ/ダナ…", 26, (800, 270)),
        Balloon("box", 110, 140, (40, 74), "ヨルノマチ", 24),
        Balloon("oval", 395, 1105, (58, 66), "ダレカ/イル", 24, (320, 1140)),
    ),
    (
        Panel(box(55, 55, 945, 430), "room", (640, 290, 1.0),
              (Role("rosa", 450, "talk", 450, 1.3), Role("indigo", 880, "stand", 450, 1.3, True)),
              screen=(4.6, 45)),
        Panel(box(55, 455, 500, 960), None, (0, 0, 1), (Role("rosa", 20, "wave", 235, 2.3),),
              framed=False),
        Panel(box(525, 455, 945, 960), "room", (230, 260, 1.35),
              (Role("bolt", 220, "talk", 470, 1.7),), screen=(5, 45)),
        Panel(box(55, 985, 945, 1345), "meadow", (330, 300, 1.2),
              (Role("pim", 240, "jump", 430, 1.2), Role("bolt", 420, "stand", 440, 1.2),
               Role("rosa", 590, "wave", 440, 1.2, True)), screen=(5.6, 75)),
        Balloon("open", 590, 120, (110, 48), "WHO MADE/THIS MESS?", 18),
        Balloon("oval", 140, 535, (84, 54), "NOT ME,/I SWEAR!", 18, (200, 640)),
        Balloon("oval", 850, 520, (82, 50), "IT WAS/THE CAT", 18, (790, 640)),
        Balloon("open", 860, 1040, (70, 46), "WE HAVE/NO CAT!", 16),
    ),
    (
        Panel(((-20, -20), (1020, -20), (1020, 860), (-20, 860)), "canyon", (560, 210, 1.5),
              (Role("indigo", 480, "jump", 440, 2.0), Role("bolt", 760, "wave", 440, 1.5, True)),
              screen=(5, 45), inks={"ground": Ink.LIGHT, "dune": Ink.MIDDLE}),
        Panel(((50, 890), (520, 890), (440, 1350), (50, 1350)), "canyon", (920, 300, 1.5),
              (Role("pim", 900, "wave", 420, 1.6),), screen=(4, 30)),
        Panel(((545, 890), (950, 890), (950, 1350), (465, 1350)), CREAM, (0, 0, 1),
              (Role("rosa", 20, "talk", 520, 3.3),), screen=(4.6, 45), inks={"ground": Ink.RISE}),
        Panel(box(60, 640, 290, 830), MINT, (0, 0, 1), (Role("pim", 0, "stand", 120, 1.3),),
              inset=True),
        Balloon("oval", 880, 130, (74, 96), "ヤッタ!/ミエタ", 28, (760, 330)),
        Balloon("oval", 120, 985, (56, 72), "ウミダ!", 27),
        Balloon("oval", 880, 985, (56, 74), "キレイ/ダナ", 24),
        Sound("バーン", 140, 250, 130, 10, (255, 176, 36)),
    ),
)


def draw(number: int, scale: float = 1.0, tones: str = "dots") -> MangaPage:
    """Draws a page, the same at every call.

    Args:
        number: 0..5.
        scale: 1 for 1400x1000 pixels.
        tones: "dots"; "gray" for the gray of the colours; "none" for line art.

    Raises:
        IndexError: there is no page of that number.
    """
    if not 0 <= number < len(PAGES):
        raise IndexError(f"page {number} is outside 0..{len(PAGES) - 1}")
    page = InkCanvas((round(HEIGHT * scale), round(WIDTH * scale)), Ink.MARGIN)
    draws = {Panel: draw_panel, Balloon: draw_balloon, Sound: draw_sound}
    for part in PAGES[number]:
        draws[type(part)](page, part, scale)
    printed = page.printed(tones)
    if number in PAPERS:
        paper, ink = PAPERS[number]
        grain = np.random.default_rng(number).normal(0, 2, printed.shape)
        printed = np.clip(ink + printed * ((paper - ink) / 255) + grain, 0, 255).astype(np.uint8)
    return MangaPage(printed, page.truth(), page.holds(Ink.MARGIN), page.holds(Ink.BALLOON),
                     page.holds(Ink.LINE, Ink.BLACK))


def hints(page: MangaPage, count: int = 10) -> np.ndarray:
    """Returns dots of the true colours in the middle of the largest surfaces, uint8 RGBA [h, w, 4].

    It is the hint picture of a user who knows the colours, and clicks `count` times.
    """
    return dots(page.truth, ~(page.ink | page.margins | page.balloons), count)


def dots(truth: np.ndarray, clear: np.ndarray, count: int, radius: int = 4) -> np.ndarray:
    """Returns dots in the colours of a flat picture, in the middle of its largest surfaces.

    Args:
        truth: uint8 RGB [h, w, 3].
        clear: bool [h, w]; the rest gets no dot.
        count: of dots.
        radius: in pixels.

    Returns:
        uint8 RGBA [h, w, 4], transparent but for the dots.
    """
    codes = truth.astype(np.int32) @ (1 << 16, 1 << 8, 1)
    colors, sizes = np.unique(codes[clear], return_counts=True)
    surfaces = []
    for code in colors[np.argsort(-sizes, kind="stable")[:2 * count]]:
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(
            ((codes == code) & clear).astype(np.uint8), None, None, None, 4)
        surfaces += [(-area, piece, int(code), pieces)
                     for piece, area in enumerate(stats[:, cv2.CC_STAT_AREA]) if piece]
    picture = np.zeros((*clear.shape, 4), np.uint8)
    for _, piece, code, pieces in sorted(surfaces, key=lambda surface: surface[:3])[:count]:
        depth = cv2.distanceTransform((pieces == piece).astype(np.uint8), cv2.DIST_L2, 5)
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        color = (code >> 16, code >> 8 & 255, code & 255, 255)
        cv2.circle(picture, (int(column), int(row)), radius, color, -1)
    return picture
