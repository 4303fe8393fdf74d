"""The parts of a picture: windows of a comic page, its panels, a film without black bars."""

import functools
import math
from collections.abc import Sequence

import cv2
import numpy as np

from keras_colorize.image.pixels import PAGE_HEIGHT, gray

OVERLAP = 0.5  # the least share of its height that a window of a page shares with the next
SMALLEST_PANEL = 0.02  # of the page
LEAST_FULL = 0.6  # of the box around it, that even a leaning panel fills; a figure fills less
PAPER = 235  # margins and the gutters between panels are lighter, of a page as small as a network's
BAR_LUMINANCE = 32  # black bars are nowhere lighter, however a codec has smeared them


def windows(picture: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """Cuts a comic page into windows as wide as itself and of the shape of `size`.

    The windows cover the page from top to bottom, evenly spaced, and overlap by half or more. A
    picture is no page, and returned whole, if it is less than `PAGE_HEIGHT` times as tall as such
    a window.
    """
    window_height = max(1, round(picture.shape[1] * size[0] / size[1]))
    spare = picture.shape[0] - window_height
    if picture.shape[0] < PAGE_HEIGHT * window_height:
        return [picture]
    count = 1 + math.ceil(spare / ((1 - OVERLAP) * window_height))
    tops = np.linspace(0, spare, count).round().astype(int)
    return [picture[top:top + window_height] for top in tops]


def panels_without(luminance: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Finds the panels of a page that hold no hint.

    Gutters are paper that reaches the border of the page. What they part are panels, where it is
    large enough and about a rectangle; a figure on light ground is none. Hints that lie in no panel
    speak for the whole page.

    Args:
        luminance: uint8 [h, w].
        told: where hints are, bool [h, w].

    Returns:
        bool [h, w], false in gutters, and in all that is no panel.
    """
    paper = luminance >= PAPER
    _, parts = cv2.connectedComponents(paper.astype(np.uint8), connectivity=4)
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    gutter = paper & np.isin(parts, border)
    _, pieces, boxes, _ = cv2.connectedComponentsWithStats((~gutter).astype(np.uint8))
    area, width, height = (boxes[:, which] for which in (
        cv2.CC_STAT_AREA, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))
    silent = (area >= SMALLEST_PANEL * gutter.size) & (area >= LEAST_FULL * width * height)
    silent[0] = False  # the gutters
    if not silent[pieces[told]].any():
        silent[:] = False
    silent[pieces[told]] = False
    return silent[pieces]


def content_box(pictures: Sequence[np.ndarray]) -> tuple[int, int, int, int] | None:
    """Finds the part of a film within its black bars, in some of its frames.

    Args:
        pictures: uint8 RGB [h, w, 3].

    Returns:
        Top, left, height and width of the smallest box that holds every pixel which is lighter
        than `BAR_LUMINANCE` in any frame. None where there are no bars, where less than a quarter
        of the frame would remain, as in a film of night alone, and where frames differ in size.
    """
    if len({picture.shape for picture in pictures}) != 1:
        return None
    height, width = pictures[0].shape[:2]
    lightest = functools.reduce(cv2.max, map(gray, pictures))
    left, top, inner_width, inner_height = cv2.boundingRect(np.uint8(lightest > BAR_LUMINANCE))
    box = top, left, inner_height, inner_width
    whole = (0, 0, height, width)
    return None if box == whole or inner_height * inner_width < height * width / 4 else box


def crop(picture: np.ndarray, box: tuple[int, int, int, int] | None) -> np.ndarray:
    """Cuts out the part of a picture in `box` (top, left, height, width), or all of it for None."""
    if box is None:
        return picture
    top, left, height, width = box
    return picture[top:top + height, left:left + width]
