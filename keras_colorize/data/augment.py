"""Variation of training pictures: mirrored, cropped, lightened, with new lines, or printed.

Each function takes and returns one picture, uint8 0..255; the caller seeds the random generator.
"""

import cv2
import numpy as np

from keras_colorize.config import AugmentConfig
from keras_colorize.image import pixels, screentone


def vary(color: np.ndarray, edge: np.ndarray | None, augment: AugmentConfig,
         generator: np.random.Generator, zoom_by: str = "spline") -> tuple[np.ndarray, np.ndarray]:
    """Varies one training picture, its condition and its colour alike.

    Args:
        color: uint8 [h, w, 3].
        edge: its edge picture, uint8 [h, w], if that is the condition; None if gray is.
        augment: which variations, and how strong.
        zoom_by: how the dataset's edges were brought to their size, as in `pixels.zoom`.

    Returns:
        The condition, uint8 [h, w, 1], and the colour, uint8 [h, w, 3]. A gray condition is the
        luminance of that colour, or is printed as `screentone.draw` does.
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
            condition = screentone.draw(condition, generator)
    if augment.canny:
        condition = edges(color, 1 + augment.canny * generator.uniform(-1, 1), zoom_by)
    if augment.line_thickness > 1:
        condition = thicken(condition, int(generator.integers(1, augment.line_thickness + 1)))
    return condition[..., None], color


def crop(pictures: list[np.ndarray], least: float, generator: np.random.Generator,
         ) -> list[np.ndarray]:
    """Cuts the same random part out of pictures of one size, and enlarges it to that size.

    It keeps at least the share `least`, above 0, of height and width.
    """
    height, width = pictures[0].shape[:2]
    share = generator.uniform(least, 1)
    part = max(1, round(share * height)), max(1, round(share * width))
    top = generator.integers(height - part[0] + 1)
    left = generator.integers(width - part[1] + 1)
    return [cv2.resize(picture[top:top + part[0], left:left + part[1]], (width, height),
                       interpolation=cv2.INTER_LINEAR) for picture in pictures]


def gamma(picture: np.ndarray, exponent: float) -> np.ndarray:
    """Raises every value of 0..1 to the power of `exponent`: below 1 lighter, above 1 darker."""
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return cv2.LUT(picture, table)


def edges(color: np.ndarray, factor: float, zoom_by: str = "spline") -> np.ndarray:
    """Finds the edges of a picture [h, w, 3] again, uint8 [h, w], at `factor` times the thresholds.

    It works as `pixels.edges`, but from the final size, and with OpenCV's cubic in place of the
    spline, which is ten times slower.
    """
    height, width = color.shape[:2]
    double = pixels.scale(pixels.gray(color), (2 * height, 2 * width))
    lines = cv2.Canny(double, *(factor * threshold for threshold in pixels.CANNY))
    return cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA if zoom_by == "area"
                      else cv2.INTER_CUBIC)


def thicken(lines: np.ndarray, thickness: int) -> np.ndarray:
    """Widens white lines on black [h, w] from 1 pixel to about `thickness` pixels."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness, thickness))
    return cv2.dilate(lines, brush)


def draw_hints(color: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draws hints of a picture's true colours, such as a person might give.

    One in a hundred pictures is told whole. Of the others, four fifths get few hints (7 in the
    mean) and one fifth up to 200, at random places, half of them rather in the middle (Zhang et al.
    2017). Half are single pixels, the others squares of 2 to 9 pixels of one colour.

    Args:
        color: uint8 [h, w, 3].

    Returns:
        float32 [h, w, 3], as `pixels.hint_channels`.
    """
    height, width = color.shape[:2]
    chroma = pixels.chroma(color)
    if generator.random() < 0.01:
        return pixels.hint_channels(chroma, np.ones((height, width), bool))
    count = int(generator.geometric(1 / 8) - 1) if generator.random() < 0.8 else \
        int(np.exp(generator.uniform(0, np.log(200))))
    given, told = np.zeros_like(chroma), np.zeros((height, width), bool)
    for _ in range(count):
        middle = generator.random() < 0.5
        row, column = (int(np.clip(generator.normal(0.5, 0.25) if middle else generator.random(),
                                   0, 0.999) * length) for length in (height, width))
        side = 1 if generator.random() < 0.5 else int(generator.integers(2, 10))
        place = tuple(slice(max(0, at - side // 2), at + (side + 1) // 2) for at in (row, column))
        given[place] = chroma[place].mean(axis=(0, 1))
        told[place] = True
    return pixels.hint_channels(given, told)
