"""Manga pages drawn by rule, each with its true regions and its true white paper."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from keras_colorize.image.regions import Regions, find_regions

HEIGHT, WIDTH = 1400, 1000
PITCH = 6  # pixels between the dots of a tone


@dataclass
class Sheet:
    """A page while it is drawn.

    Attributes:
        luminance: uint8 [h, w].
        regions: int32 [h, w], the true region of each pixel, ink included.
        white: bool [h, w], the true white paper: margins, gutters, balloons.
        names: of each region, from 0 on.
    """

    luminance: np.ndarray
    regions: np.ndarray
    white: np.ndarray
    names: list[str]
    generator: np.random.Generator

    def area(self, mask: np.ndarray, name: str, shade: int = 255, printed: str = "dots",
             white: bool = False) -> None:
        """Lays a region over what is there: blank, in dots, or in flat gray."""
        mask = mask > 0
        self.regions[mask] = len(self.names)
        self.names.append(name)
        self.white[mask] = white
        tone = np.full(mask.shape, shade, np.uint8)
        if printed == "dots" and shade < 255:
            tone = dots(mask.shape, shade)
        self.luminance[mask] = tone[mask]

    def line(self, points: list, width: int = 3, closed: bool = False, level: int = 0) -> None:
        """Draws ink along points of (column, row)."""
        cv2.polylines(self.luminance, [np.int32(points)], closed, level, width, cv2.LINE_AA)

    def figure(self, left: int, top: int, size: int, shade: int = 190) -> None:
        """A person from the waist up: coat in tone, face, hair of dense strokes."""
        column = left + size // 2
        coat = [(left, top + 2 * size), (left + size // 6, top + int(1.15 * size)),
                (column, top + size), (left + size - size // 6, top + int(1.15 * size)),
                (left + size, top + 2 * size)]
        self.area(self._polygon(coat), "coat", shade)
        self.line(coat, 4, closed=True)
        face = self._ellipse((column, top + int(0.6 * size)), (int(0.3 * size), int(0.42 * size)))
        self.area(face, "face")
        self._outline(face, 4)
        for side in (-1, 1):
            eye = (column + side * size // 8, top + int(0.62 * size))
            cv2.ellipse(self.luminance, eye, (size // 22, size // 16), 0, 0, 360, 0, -1)
        self.line([(column - size // 12, top + int(0.85 * size)),
                   (column + size // 12, top + int(0.84 * size))], 3)
        self.hair((column, top + int(0.4 * size)), int(0.36 * size))

    def hair(self, center: tuple[int, int], radius: int) -> None:
        """Dense strokes which together are one surface."""
        mask = self._ellipse(center, (radius, int(0.75 * radius)))
        mask[center[1] + radius // 6:] = 0
        self.area(mask, "hair")
        for column in range(center[0] - radius, center[0] + radius, 7):
            bend = int(self.generator.integers(-3, 4))
            points = [(column, center[1] - radius), (column + bend, center[1] + radius // 6)]
            strokes = np.zeros_like(self.luminance)
            cv2.polylines(strokes, [np.int32(points)], False, 255, 4)
            self.luminance[(strokes > 0) & (mask > 0)] = 0
        self._outline(mask, 4)

    def balloon(self, center: tuple[int, int], axes: tuple[int, int], script: str,
                spikes: int = 0) -> None:
        """A lettered balloon, round or with spikes, in Latin rows or Japanese columns."""
        angles = np.linspace(0, 2 * np.pi, 16 * max(spikes, 8), endpoint=False)
        reach = 1 + (0.12 * np.sign(np.sin(spikes * angles)) if spikes else 0 * angles)
        points = np.stack([center[0] + axes[0] * reach * np.cos(angles),
                           center[1] + axes[1] * reach * np.sin(angles)], 1)
        self.area(self._polygon(points), "balloon", white=True)
        self.line(points, 4, closed=True)
        self.letters((center[0] - int(0.6 * axes[0]), center[1] - int(0.6 * axes[1]),
                      int(1.2 * axes[0]), int(1.2 * axes[1])), script)

    def letters(self, box: tuple[int, int, int, int], script: str, level: int = 0) -> None:
        """Fills a box (left, top, width, height) with pseudo-lettering."""
        left, top, width, height = box
        size = 24 if script == "japanese" else 18
        step = (int(1.25 * size), int(1.1 * size)) if script == "japanese" else (
            int(0.9 * size), int(1.5 * size))
        for column in range(left, left + width - size + 1, step[0]):
            for row in range(top, top + height - size + 1, step[1]):
                self._letter(column, row, size, 4 if script == "japanese" else 2, level)

    def _letter(self, left: int, top: int, size: int, strokes: int, level: int) -> None:
        """A few strokes that cross, within a square."""
        width = 0.55 * size if strokes == 2 else size - 4
        for stroke in range(strokes):
            near, far = self.generator.uniform(0, 0.3, 2), self.generator.uniform(0.7, 1, 2)
            ends = np.stack([near, far]) if stroke % 2 else np.stack(
                [(near[0], far[1]), (far[0], near[1])])
            if stroke > 1:
                ends[:, stroke % 2] = ends[:, stroke % 2].mean()
            self.line((left, top) + ends * (width, size - 2), 3, level=level)

    def panel(self, box: tuple[int, int, int, int], shade: int = 255, framed: bool = True,
              printed: str = "dots") -> None:
        """The ground of a panel (left, top, width, height), with or without a frame."""
        left, top, width, height = box
        mask = np.zeros(self.white.shape, np.uint8)
        mask[max(top, 0):top + height, max(left, 0):left + width] = 1
        self.area(mask, "ground", shade, printed)
        if framed:
            self.line([(left, top), (left + width, top), (left + width, top + height),
                       (left, top + height)], 5, closed=True)

    def _polygon(self, points: list) -> np.ndarray:
        mask = np.zeros(self.white.shape, np.uint8)
        return cv2.fillPoly(mask, [np.int32(points)], 1)

    def _ellipse(self, center: tuple[int, int], axes: tuple[int, int]) -> np.ndarray:
        mask = np.zeros(self.white.shape, np.uint8)
        return cv2.ellipse(mask, center, axes, 0, 0, 360, 1, -1)

    def _outline(self, mask: np.ndarray, width: int) -> None:
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(self.luminance, outlines, -1, 0, width, cv2.LINE_AA)


def dots(shape: tuple[int, int], shade: int, pitch: float = PITCH) -> np.ndarray:
    """A tone in black dots which means `shade`, uint8 of that shape."""
    rows, columns = np.mgrid[:shape[0], :shape[1]] * (np.pi * 2 / pitch / 2 ** 0.5)
    screen = np.cos(rows + columns) + np.cos(rows - columns)
    level = np.quantile(screen[:120, :120], shade / 255)
    return (255 * np.clip((level - screen) * pitch / 4 + 0.5, 0, 1)).astype(np.uint8)


def blank(seed: int = 0) -> Sheet:
    """A page of white paper."""
    shape = (HEIGHT, WIDTH)
    return Sheet(np.full(shape, 255, np.uint8), np.zeros(shape, np.int32),
                 np.ones(shape, bool), ["margin"], np.random.default_rng(seed))


def line_art() -> Sheet:
    """Framed panels without tones, Japanese lettering."""
    page = blank(1)
    page.panel((60, 60, 880, 560))
    page.figure(380, 180, 220, 255)
    page.balloon((220, 230), (90, 130), "japanese")
    page.balloon((800, 220), (80, 110), "japanese", spikes=9)
    page.panel((60, 650, 420, 690))
    page.figure(120, 900, 220, 255)
    page.panel((510, 650, 430, 690))
    page.balloon((740, 830), (130, 110), "japanese")
    return page


def screentone() -> Sheet:
    """Framed panels in dots, Latin lettering, a dark wall."""
    page = blank(2)
    page.panel((60, 60, 430, 620), 210)
    page.figure(150, 240, 220, 150)
    page.balloon((330, 170), (130, 80), "latin")
    page.panel((520, 60, 420, 620), 110)
    page.figure(600, 240, 220, 190)
    page.panel((60, 710, 880, 630), 225)
    page.figure(560, 900, 220, 150)
    page.balloon((260, 880), (150, 90), "latin")
    return page


def bleeding() -> Sheet:
    """Panels that run off the page at three sides."""
    page = blank(3)
    page.panel((-20, -20, 640, 640), 215)
    page.figure(160, 220, 240, 160)
    page.panel((650, -20, 290, 640), 255)
    page.balloon((790, 160), (90, 120), "japanese")
    page.panel((-20, 650, 1060, 800), 200)
    page.figure(320, 880, 260, 140)
    page.balloon((770, 850), (110, 140), "japanese")
    return page


def black_panels() -> Sheet:
    """A panel of solid black with white lettering, and a night in dark dots."""
    page = blank(4)
    page.panel((60, 60, 880, 400), 0)
    page.letters((300, 180, 400, 140), "japanese", level=255)
    page.panel((60, 490, 430, 850), 90)
    page.figure(150, 760, 240, 180)
    page.panel((520, 490, 420, 850), 230)
    page.balloon((720, 640), (120, 100), "latin")
    page.figure(620, 860, 220, 120)
    return page


def frameless() -> Sheet:
    """Figures on grounds in tone without a frame, and a balloon across the gutter."""
    page = blank(5)
    page.panel((60, 60, 880, 600), 215, framed=False)
    page.figure(360, 220, 240, 140)
    page.panel((60, 700, 880, 640), 190, framed=False)
    page.figure(200, 900, 220, 235)
    page.balloon((700, 680), (130, 110), "japanese")
    return page


def flat_gray() -> Sheet:
    """Tones printed as flat gray, balloons with spikes."""
    page = blank(6)
    page.panel((60, 60, 880, 420), 200, printed="gray")
    page.balloon((240, 240), (110, 120), "japanese", spikes=11)
    page.panel((60, 510, 420, 830), 255)
    page.figure(130, 820, 240, 255)
    page.panel((510, 510, 430, 830), 150, printed="gray")
    page.balloon((720, 660), (130, 90), "latin")
    return page


PAGES: dict[str, Callable[[], Sheet]] = {
    "line art": line_art, "screentone": screentone, "bleeding": bleeding,
    "black panels": black_panels, "frameless": frameless, "flat gray": flat_gray}


@functools.cache
def drawn(name: str) -> tuple[Sheet, Regions]:
    """A drawn page and the regions that are found on it."""
    page = PAGES[name]()
    return page, find_regions(page.luminance)
