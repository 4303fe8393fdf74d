"""How a training picture is varied: mirrored, cropped, lightened, its lines redrawn, or printed.

Everything is numpy and OpenCV on one picture at a time, uint8 0..255 in and out, and every chance
is drawn from a generator that the caller seeds.
"""

import cv2
import numpy as np

from keras_colorize.config import AugmentConfig
from keras_colorize.image import pixels

PITCH = (2.5, 7.0)  # of a screentone's dots, in pixels
TONES = (4, 7)  # from 4 to 6 tones on a page, black and white among them
LIGHTER = (0.5, 1.0)  # the exponent of a page's tones
LINE_CONTRAST = (4.0, 9.0)  # how much darker than its surroundings a line of ink is, of 255


def vary(color: np.ndarray, edge: np.ndarray | None, augment: AugmentConfig,
         generator: np.random.Generator, zoom_by: str = "spline") -> tuple[np.ndarray, np.ndarray]:
    """One training picture, varied: its condition and its colour alike.

    Args:
        color: uint8 [h, w, 3].
        edge: its edge picture, uint8 [h, w], where that is the condition; None where gray is.
        augment: what is varied, and how far.
        generator: decides everything that is random.
        zoom_by: how the dataset's edges were brought to their size, as in `pixels.zoom`.

    Returns:
        The condition, uint8 [h, w, 1], and the colour, uint8 [h, w, 3]. A gray condition is the
        luminance of that colour, unless it is printed as `screentone` does.
    """
    pictures = [color] if edge is None else [color, edge]
    if augment.flip and generator.random() < 0.5:
        pictures = [cv2.flip(picture, 1) for picture in pictures]
    if augment.crop < 1:
        pictures = crop(pictures, augment.crop, generator)
    color, condition = pictures[0], pictures[-1]
    if augment.gamma:
        color = gamma(color, (1 + augment.gamma) ** generator.uniform(-1, 1))
    if edge is None:
        condition = pixels.gray(color)
        if augment.screentone and generator.random() < augment.screentone:
            condition = screentone(condition, generator)
    if augment.canny:
        condition = edges(color, 1 + augment.canny * generator.uniform(-1, 1), zoom_by)
    if augment.line_thickness > 1:
        condition = thicken(condition, int(generator.integers(1, augment.line_thickness + 1)))
    return condition[..., None], color


def crop(pictures: list[np.ndarray], least: float, generator: np.random.Generator,
         ) -> list[np.ndarray]:
    """A random part of some pictures of one size, the same of each, enlarged to that size.

    Args:
        least: the smallest share of height and width that is kept, above 0.
    """
    height, width = pictures[0].shape[:2]
    share = generator.uniform(least, 1)
    part = max(1, round(share * height)), max(1, round(share * width))
    top = generator.integers(height - part[0] + 1)
    left = generator.integers(width - part[1] + 1)
    return [cv2.resize(picture[top:top + part[0], left:left + part[1]], (width, height),
                       interpolation=cv2.INTER_LINEAR) for picture in pictures]


def gamma(picture: np.ndarray, exponent: float) -> np.ndarray:
    """Every value of 0..1 to the power of `exponent`: below 1 lighter, above 1 darker."""
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return cv2.LUT(picture, table)


def edges(color: np.ndarray, factor: float, zoom_by: str = "spline") -> np.ndarray:
    """The edges of a picture [h, w, 3] anew, uint8 [h, w], at `factor` times the usual thresholds.

    As `pixels.edges`, but from the final size, and with OpenCV's cubic in place of the spline,
    which is ten times slower.
    """
    height, width = color.shape[:2]
    double = pixels.scale(pixels.gray(color), (2 * height, 2 * width))
    lines = cv2.Canny(double, *(factor * threshold for threshold in pixels.CANNY))
    return cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA if zoom_by == "area"
                      else cv2.INTER_CUBIC)


def thicken(lines: np.ndarray, thickness: int) -> np.ndarray:
    """White lines on black [h, w], widened to about `thickness` times a line's width of 1 pixel."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness, thickness))
    return cv2.dilate(lines, brush)


def screentone(gray: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A gray picture as a manga page prints it: black ink on white paper, and nothing between.

    Tones, made lighter by chance as pages are, become a few flat ones: bare paper, solid ink, and
    between them dots on a grid of random pitch and angle that cover as much of the paper as the
    tone is dark. Lines and the dark sides of edges are drawn over it.

    Args:
        gray: uint8 [h, w].

    Returns:
        uint8 [h, w]; grays are left only where a pixel is partly inked.
    """
    height, width = gray.shape
    double = (2 * width, 2 * height)
    flat = cv2.GaussianBlur(cv2.medianBlur(gray, 3), (0, 0), 1.2)
    flat = cv2.resize(flat, double, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(cv2.resize(gray, double, interpolation=cv2.INTER_CUBIC), (0, 0), 1)
    steps = int(generator.integers(*TONES)) - 1
    light = (np.arange(256) / 255) ** generator.uniform(*LIGHTER)
    share = np.rint(light * steps).astype(int) * (len(COVERED) - 1) // steps
    page = cv2.compare(cv2.LUT(flat, COVERED[share]), _screen(*flat.shape, generator), cv2.CMP_GT)
    unlined = cv2.compare(cv2.subtract(flat, fine), generator.uniform(*LINE_CONTRAST), cv2.CMP_LE)
    return cv2.resize(cv2.bitwise_and(page, unlined), (width, height), interpolation=cv2.INTER_AREA)


def _screen(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Two crossed waves, float32 [height, width] in -2..2, of random length and angle."""
    pitch = 2 * PITCH[0] * (PITCH[1] / PITCH[0]) ** generator.random()
    angle = generator.uniform(0, np.pi / 2)
    x = np.arange(width) * 2 * np.pi / pitch + generator.uniform(0, 2 * np.pi)
    y = np.arange(height)[:, None] * 2 * np.pi / pitch
    # cos(a + b) = cos a cos b - sin a sin b: a product of thin matrices, not a cosine a pixel.
    a, b = y * [np.sin(angle), np.cos(angle)], np.outer([np.cos(angle), -np.sin(angle)], x)
    column, row = np.hstack([np.cos(a), np.sin(a)]), np.vstack([np.cos(b), -np.sin(b)])
    return column.astype(np.float32) @ row.astype(np.float32)


def _covered() -> np.ndarray:
    """Entry 60 * s: the value that a share s of a screen's points lies below, float32."""
    wave = np.cos(np.linspace(0, np.pi, 500))
    values = np.quantile(wave + wave[:, None], np.linspace(0, 1, 61)).astype(np.float32)
    values[0], values[-1] = -np.inf, np.inf
    return values


COVERED = _covered()
