"""The kind of a page: colour, gray, screentone or line art, judged by its pixels alone."""

from dataclasses import dataclass

import cv2
import numpy as np

from keras_colorize.image import hues, pixels
from keras_colorize.image.screentone import TILE, find_dots

KINDS = ("color", "gray", "screentone", "line_art")

COLORED = 0.0008  # share of a colour page's pixels that have a colour
TONED = 0.04  # share of a screentone page's inked tiles that carry dots
GRAYS = 0.1  # share of pixels between ink and paper that line art stays below
SMALLEST = 32  # pixels of a side: what is smaller holds no lines, and is gray
FEWEST = 4  # tiles of dots: one or two are a fence, or a shirt of checks
LEAST_CONTRAST = 12  # levels: the noise of compression is below it
SPREADS = (1.2, 1.65)  # width by height of two pages side by side
GUTTER = 0.06  # of the width: the gutter between them is somewhere in this middle part
PLAIN = 0.98  # share of a column's pixels that are paper, from which on it is a gutter


@dataclass(frozen=True)
class Route:
    """The kind of a page, and how clearly it is of that kind."""

    kind: str
    scores: dict[str, float]
    """For `color`, `screentone` and `line_art` how clearly it is that, 0..1; from 0.5 on it is."""
    pitch: float = 0.0
    """Pixels from dot to dot of its screentone; 0 where it has none."""
    dots: np.ndarray | None = None
    """For each tile whether it carries dots, bool [rows, columns]; None but for screentone."""
    has_stamp: bool = False
    """Whether a page without colour has a coloured stamp or logo."""


def route(picture: np.ndarray, luminance: np.ndarray | None = None) -> Route:
    """Judges whether a page has colour, then whether it has dots, then whether it has grays.

    Args:
        picture: uint8 RGB [h, w, 3] or gray [h, w].
        luminance: uint8 [h, w], where it is known already.
    """
    luminance = pixels.gray(picture) if luminance is None else luminance
    share, has_stamp = colors(picture)
    colored = _score(share, COLORED)
    if colored >= 0.5:
        return Route("color", {"color": colored})
    dots, pitch = find_dots(luminance, thorough=False)
    lines = _score(GRAYS, gray_share(luminance)) if min(luminance.shape) >= SMALLEST else 0.0
    inked = max(1, int(_contrasts(luminance).sum()))
    toned = _score(float(dots.sum() / inked), TONED) if dots.sum() >= FEWEST else 0.0
    scores = {"color": colored, "screentone": toned, "line_art": lines}
    if toned >= 0.5:
        return Route("screentone", scores, pitch, dots, has_stamp)
    return Route("line_art" if lines >= 0.5 else "gray", scores, has_stamp=has_stamp)


def colors(picture: np.ndarray) -> tuple[float, bool]:
    """Returns the share of pixels that have a colour, and whether a stamp was passed over in it.

    They are those of uint8 RGB [h, w, 3] or gray [h, w], as `hues.coloured` sees them; the share is
    0 where they are but a stamp or a logo.
    """
    if picture.ndim == 2:
        return 0.0, False
    small = pixels.narrowed(picture)
    found = hues.coloured(small)
    has_stamp = hues.is_stamp(small, found)
    return 0.0 if has_stamp else float(found.mean()), has_stamp


def is_spread(luminance: np.ndarray) -> bool:
    """Tells whether a page, uint8 [h, w], is two pages side by side, with a gutter between them."""
    height, width = luminance.shape
    if not SPREADS[0] <= width / height <= SPREADS[1]:
        return False
    small = pixels.narrowed(luminance, 1000)
    middle, reach = small.shape[1] / 2, max(1, small.shape[1] * GUTTER / 2)
    columns = small[:, round(middle - reach):round(middle + reach)]
    paper = columns > np.percentile(small, 95) - LEAST_CONTRAST
    halves = np.array_split(small, 2, axis=1)
    return bool(paper.mean(axis=0).max() >= PLAIN
                and min(half.std() for half in halves) > LEAST_CONTRAST)


def gray_share(luminance: np.ndarray) -> float:
    """Returns the share of pixels, uint8 [h, w], that are neither near black nor near white."""
    return cv2.countNonZero(cv2.inRange(luminance, 49, 207)) / luminance.size


def _contrasts(luminance: np.ndarray) -> np.ndarray:
    """Tells for each tile whether there is anything on it, bool [rows, columns]."""
    rows, columns = (max(1, length // TILE) for length in luminance.shape)
    if min(luminance.shape) > 2 * TILE:
        luminance = pixels.halved(luminance)
    small = cv2.resize(luminance, (columns * 8, rows * 8), interpolation=cv2.INTER_AREA)
    blocks = small.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(rows, columns, 64)
    return blocks.astype(np.float32).std(axis=2) > LEAST_CONTRAST


def _score(value: float, threshold: float) -> float:
    """Returns 0.5 for a value at its threshold, and goes to 0 below it and to 1 above it."""
    return value / (value + threshold) if value + threshold else 0.0
