"""Flat outlined shapes, drawn to a colour picture and to a map of part labels at the same time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | np.ndarray

SIZE = (360, 640)
FINENESS = 2  # the canvas has this many pixels to one of the frame, each way
SUBPIXEL_BITS = 4
QUARTER = 16
ANGLES = (np.arange(4 * QUARTER) + 0.5) * (np.pi / 2 / QUARTER)
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)
CATMULL_ROM = np.linspace(0, 1, 8, endpoint=False)[:, None] ** np.arange(4) @ (
    np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2)


class Canvas:
    """A picture, RGB, and the label of the part at each of its pixels, 0 for the background.

    Every primitive writes both, the picture with anti-aliasing and the labels without, so that
    the two cannot disagree. Coordinates are pixels of the frame; the canvas itself is finer.
    A canvas without a background has the `size` [h, w], which is the frame's unless it is given.
    """

    def __init__(self, background: Canvas | None = None, size: tuple[int, int] = SIZE):
        size = background._labels.shape if background else (size[0] * FINENESS, size[1] * FINENESS)
        self._picture = background._picture.copy() if background else np.zeros((*size, 3), np.uint8)
        self._labels = np.zeros(size, np.uint8)

    def picture(self) -> np.ndarray:
        """Returns the frame as it is so far, uint8 [360, 640, 3]."""
        return cv2.resize(self._picture, SIZE[::-1], interpolation=cv2.INTER_AREA)

    def large_picture(self) -> np.ndarray:
        """Returns the same at the fineness at which it is drawn, uint8 [720, 1280, 3]."""
        return self._picture.copy()

    def labels(self) -> np.ndarray:
        """Returns the labels of the frame's pixels, uint8 [360, 640]."""
        return self._labels[::FINENESS, ::FINENESS].copy()

    def polygon(self, pixels: np.ndarray, color: Color, label: int) -> None:
        """Fills a polygon, whose corners are [n, 2]."""
        corners = [fixed_point(pixels)]
        cv2.fillPoly(self._picture, corners, color, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.fillPoly(self._labels, corners, label, cv2.LINE_8, SUBPIXEL_BITS)

    def polyline(self, pixels: np.ndarray, width: float, color: Color, label: int) -> None:
        """Draws an open line through points, [n, 2]."""
        corners, width = [fixed_point(pixels)], max(1, round(width * FINENESS))
        cv2.polylines(self._picture, corners, False, color, width, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.polylines(self._labels, corners, False, label, width, cv2.LINE_8, SUBPIXEL_BITS)

    def caption(self, text: str) -> None:
        """Writes one centred line of white text with a black outline near the lower edge."""
        font, scale, thickness = cv2.FONT_HERSHEY_DUPLEX, 0.9 * FINENESS, 2 * FINENESS
        (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
        corner = np.array([(SIZE[1] * FINENESS - width) // 2, (SIZE[0] - 26) * FINENESS])
        for offset in (*(3 * FINENESS * CIRCLE[::8]).round().astype(int), np.zeros(2, int)):
            place = tuple(map(int, corner + offset))
            white = (0 if offset.any() else 255,) * 3
            cv2.putText(self._picture, text, place, font, scale, white, thickness, cv2.LINE_AA)
            cv2.putText(self._labels, text, place, font, scale, 0, thickness, cv2.LINE_8)


@dataclasses.dataclass(frozen=True)
class Pen:
    """Draws named parts, given in its own units, with the colours and labels of one palette.

    `matrix` (2 x 3) takes the pen's units to pixels; `line` is the width of outlines in its units.
    """

    canvas: Canvas
    palette: Mapping[str, Color]
    labels: Mapping[str, int]
    matrix: np.ndarray
    line: float = 0.0

    def moved(self, x: float, y: float, scale: float = 1, mirror: bool = False,
              degrees: float = 0) -> Pen:
        """Returns the same pen with its origin at (x, y), turned clockwise, scaled and mirrored."""
        cosine, sine = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
        side = -1 if mirror else 1
        local = np.array([[side * cosine, -side * sine, x], [sine, cosine, y], [0, 0, 1]])
        return dataclasses.replace(self, matrix=self.matrix @ local)

    def polygon(self, part: str, points: Points, line: float | None = None) -> None:
        """Draws a polygon; `line`, here and below, is the width of its outline."""
        points, line = np.asarray(points, float), self.line if line is None else line
        if line:
            self._fill("outline", _inflate(points, line))
        self._fill(part, points)

    def blob(self, part: str, points: Points, line: float | None = None) -> None:
        """Draws a closed smooth curve through the points."""
        self.polygon(part, _smooth_closed(points), line)

    def disk(self, part: str, x: float, y: float, radius: float, height: float | None = None,
             line: float | None = None) -> None:
        """Draws an ellipse of half-axes `radius` and `height`, a circle without the latter."""
        half_axes, line = np.array([radius, height or radius]), self.line if line is None else line
        if line:
            self._fill("outline", CIRCLE * (half_axes + line) + (x, y))
        self._fill(part, CIRCLE * half_axes + (x, y))

    def box(self, part: str, sides: tuple[float, float, float, float], line: float | None = None,
            round_by: float = 0) -> None:
        """Draws a rectangle from its left, top, right and bottom, with corners of that radius."""
        left, top, right, bottom = sides
        corners = np.array([(right, bottom), (left, bottom), (left, top), (right, top)], float)
        if round_by:
            corners = np.repeat(corners, QUARTER, 0) + round_by * (CIRCLE - np.sign(CIRCLE))
        self.polygon(part, corners, line)

    def stroke(self, part: str, points: Points, width: float, line: float | None = None) -> None:
        """Draws an open line with round ends, `width` wide, with the outline outside of that."""
        line = self.line if line is None else line
        pixels, scale = self._pixels(points), np.sqrt(abs(np.linalg.det(self.matrix[:2, :2])))
        if line:
            self._trace("outline", pixels, (width + 2 * line) * scale)
        self._trace(part, pixels, width * scale)

    def _pixels(self, points: Points) -> np.ndarray:
        return np.asarray(points, float) @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def _fill(self, part: str, points: np.ndarray) -> None:
        self.canvas.polygon(self._pixels(points), self.palette[part], self.labels.get(part, 0))

    def _trace(self, part: str, pixels: np.ndarray, width: float) -> None:
        self.canvas.polyline(pixels, width, self.palette[part], self.labels.get(part, 0))


def caption_mask(text: str) -> np.ndarray:
    """Returns the pixels, bool [360, 640], that `Canvas.caption` writes on, outlines included."""
    changed = np.zeros(SIZE, bool)
    for ground in (0, 255):  # white letters show on the one, their black outlines on the other
        canvas = Canvas()
        canvas._picture[:] = ground
        canvas.caption(text)
        changed |= (canvas.picture() != ground).any(axis=2)
    return changed


def fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Returns the integers that OpenCV takes for points of a canvas with `SUBPIXEL_BITS`."""
    return np.round(pixels * (FINENESS * 2**SUBPIXEL_BITS)).astype(np.int32)


def _smooth_closed(points: Points) -> np.ndarray:
    """Returns the closed Catmull-Rom curve through the points."""
    points = np.asarray(points, float)
    controls = np.stack([np.roll(points, by, 0) for by in (1, 0, -1, -2)])
    return np.tensordot(controls, CATMULL_ROM, (0, 1)).transpose(0, 2, 1).reshape(-1, 2)


def _inflate(points: np.ndarray, distance: float) -> np.ndarray:
    """Moves every edge of a polygon outwards, and blunts very sharp corners."""
    following = np.roll(points, -1, 0)
    edges = following - points
    area = points[:, 0] @ following[:, 1] - points[:, 1] @ following[:, 0]
    normals = edges[:, ::-1] * ((1, -1) if area > 0 else (-1, 1))
    normals = normals / np.maximum(np.hypot(*edges.T), 1e-9)[:, None]
    before = np.roll(normals, 1, 0)
    miter = 1 / np.maximum(1 + (normals * before).sum(1), 0.5)
    return points + distance * (normals + before) * miter[:, None]
