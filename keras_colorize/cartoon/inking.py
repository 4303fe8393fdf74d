"""Ink, tones and paper: a canvas that is printed as manga is, and keeps the colours it means."""

import dataclasses
import enum

import cv2
import numpy as np

from keras_colorize.cartoon.drawing import (
    FINENESS,
    SUBPIXEL_BITS,
    Canvas,
    Color,
    Pen,
    Points,
    fixed_point,
)
from keras_colorize.image.pixels import gray


class Ink(enum.IntEnum):
    """How a part is printed. Lines have no colour of their own; a gap opens the lines under it."""

    PAPER = 0
    MARGIN = 1
    BALLOON = 2
    LINE = 3
    GAP = 4
    BLACK = 5
    LIGHT = 6
    MIDDLE = 7
    DARK = 8
    FALL = 9
    RISE = 10
    HATCH = 11


SHARES = {Ink.LIGHT: (0.15, 0.15), Ink.MIDDLE: (0.28, 0.28), Ink.DARK: (0.45, 0.45),
          Ink.FALL: (0.42, 0.02), Ink.RISE: (0.02, 0.42), Ink.HATCH: (0.24, 0.24)}
"""How much of a tone is ink, at the top and at the bottom of its panel. One is of lines."""
LEAN = 0.35  # pixels of the page: lines are thicker on the side that is turned from the light


class InkCanvas(Canvas):
    """A canvas whose labels say how each pixel is printed, and whose picture has no lines."""

    def __init__(self, size: tuple[int, int], label: Ink = Ink.PAPER):
        super().__init__(size=size)
        self._labels[:] = label
        self._picture[:] = 255
        self._under = self._labels.copy()  # without the lines
        self._tones = np.full_like(self._labels, 255)

    def polygon(self, pixels: np.ndarray, color: Color, label: int) -> None:
        """Fills a polygon, whose corners are [n, 2]."""
        if label == Ink.GAP:
            inside = np.zeros_like(self._labels)
            cv2.fillPoly(inside, [fixed_point(pixels)], 1, cv2.LINE_8, SUBPIXEL_BITS)
            inside &= self._labels == Ink.LINE
            np.copyto(self._labels, self._under, where=inside > 0)
        elif label == Ink.LINE:
            corners = [fixed_point(pixels + LEAN)]
            cv2.fillPoly(self._labels, corners, Ink.LINE, cv2.LINE_8, SUBPIXEL_BITS)
        else:
            super().polygon(pixels, color, label)
            cv2.fillPoly(self._under, [fixed_point(pixels)], label, cv2.LINE_8, SUBPIXEL_BITS)

    def polyline(self, pixels: np.ndarray, width: float, color: Color, label: int) -> None:
        """Draws an open line through points, [n, 2]."""
        corners, thick = [fixed_point(pixels)], max(1, round(width * FINENESS))
        if label == Ink.LINE:
            cv2.polylines(self._labels, corners, False, Ink.LINE, thick, cv2.LINE_8, SUBPIXEL_BITS)
        else:
            super().polyline(pixels, width, color, label)
            cv2.polylines(self._under, corners, False, label, thick, cv2.LINE_8, SUBPIXEL_BITS)

    def tone(self, pitch: float, degrees: float) -> None:
        """Prints the tones of what is drawn so far, in dots so far apart, in rows at that angle."""
        height, width = self._labels.shape
        rows = np.arange(height, dtype=np.float32)[:, None] / (pitch * FINENESS)
        columns = np.arange(width, dtype=np.float32) / (pitch * FINENESS)
        cosine, sine = np.float32((np.cos(np.radians(degrees)), np.sin(np.radians(degrees))))
        across, along = columns * cosine + rows * sine, rows * cosine - columns * sine
        for distance in (across, along):  # from the nearest dot
            np.abs(distance - np.rint(distance), out=distance)
        dots, holes = across ** 2 + along ** 2, (0.5 - across) ** 2 + (0.5 - along) ** 2
        for label in set(np.unique(self._labels)) & set(SHARES):
            share = np.linspace(*SHARES[label], height, dtype=np.float32)[:, None]
            ink = across < share / 2 if label == Ink.HATCH else np.where(
                share < 0.5, dots < share / np.pi, holes > (1 - share) / np.pi)
            self._tones[(self._labels == label) & ink] = 0

    def paste(self, panel: "InkCanvas", corner: tuple[int, int], mask: np.ndarray) -> None:
        """Lays another canvas on this one where a mask, at this one's fineness, is not 0.

        Args:
            panel: with its tones.
            corner: the row and column of the page where its upper left pixel comes to lie.
            mask: uint8, as large as the panel.
        """
        top, left = corner[0] * FINENESS, corner[1] * FINENESS
        inside = np.s_[max(0, top):top + len(mask), max(0, left):left + mask.shape[1]]
        for own, other in ((self._labels, panel._labels), (self._tones, panel._tones),
                           (self._under, panel._under), (self._picture, panel._picture)):
            space = own[inside]
            cut = np.s_[max(0, -top):, max(0, -left):]
            other = other[cut][:space.shape[0], :space.shape[1]]
            where = mask[cut][:space.shape[0], :space.shape[1]] > 0
            np.copyto(space, other, where=where[..., None] if space.ndim == 3 else where)

    def printed(self, tones: str = "dots") -> np.ndarray:
        """Returns the page as it is printed, uint8 [h, w].

        Its tones are "dots", "gray" (of the colours, as in a gray comic) or "none" (line art).
        """
        if tones == "dots":
            page = self._tones.copy()
            page[self._any_of(Ink.PAPER, Ink.MARGIN, Ink.BALLOON) > 0] = 255
        else:
            page = gray(self._picture) if tones == "gray" else np.full_like(self._tones, 255)
        page[self._any_of(Ink.LINE, Ink.BLACK) > 0] = 0
        return self._shrink(page)

    def truth(self) -> np.ndarray:
        """Returns the colours between the lines, uint8 RGB [h, w, 3]."""
        return self._shrink(self._picture)

    def holds(self, *labels: Ink) -> np.ndarray:
        """Returns where most of a pixel is printed as one of the labels, bool [h, w]."""
        return self._shrink(self._any_of(*labels)) > 128

    def _any_of(self, *labels: Ink) -> np.ndarray:
        table = np.zeros(256, np.uint8)
        table[[*labels]] = 255
        return cv2.LUT(self._labels, table)

    def _shrink(self, plane: np.ndarray) -> np.ndarray:
        size = (plane.shape[1] // FINENESS, plane.shape[0] // FINENESS)
        return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


@dataclasses.dataclass(frozen=True)
class InkPen(Pen):
    """A pen that draws some parts without outlines: those that meet as tones, or as one."""

    plain: frozenset[str] = frozenset()

    def polygon(self, part: str, points: Points, line: float | None = None) -> None:
        """Draws a polygon; `line` is the width of its outline."""
        super().polygon(part, points, 0 if part in self.plain else line)

    def taper(self, part: str, start: tuple[float, float], end: tuple[float, float],
              width: float) -> None:
        """Draws a straight stroke that is `width` wide at its start, and ends in a point."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        across = (end - start)[::-1] * (-0.5, 0.5) * width / max(np.hypot(*(end - start)), 1e-9)
        self._fill(part, np.array([start + across, end, start - across]))
