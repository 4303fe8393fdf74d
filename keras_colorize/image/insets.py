"""Insets of a printed page: frames on another panel, in a margin of bare paper without a line."""

import cv2
import numpy as np
from scipy import ndimage

# Lengths are in working pixels.
SMALLEST = 60  # of each side of a frame
LARGEST = 0.6  # of each side of the page: a larger frame is no inset
WIDTHS = (4, 20)  # of a margin: what is wider is ground of a drawing
PAPER_SHARE = 0.9  # of each step away from the frame is paper, as far as its margin reaches
LINE_SHARE = 0.8  # of what follows is ink at most: or a line goes round, and it is a double frame
BEYOND_LINE = 7  # from a margin: what is ink so far away, too, is solid black, and no line


def inset_margins(gray: np.ndarray, lines: np.ndarray, paper: int) -> np.ndarray:
    """Finds the margins of insets, which are equally wide all round a frame.

    Args:
        gray: uint8 [h, w], the page at its working scale.
        lines: bool [h, w], its ink without letters.
        paper: 0..255, what is lighter is paper.

    Returns:
        bool [h, w].
    """
    margins = np.zeros(lines.shape, bool)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    size = stats[:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]]
    fits = ((size >= SMALLEST) & (size <= LARGEST * np.array(lines.shape))).all(1)
    reach = WIDTHS[1] + BEYOND_LINE + 1
    for piece in np.flatnonzero(fits[1:]) + 1:
        left, top, width, height, _ = stats[piece]
        box = np.s_[max(0, top - reach):top + height + reach,
                    max(0, left - reach):left + width + reach]
        whole = ndimage.binary_fill_holes(pieces[box] == piece)
        if _is_framed(whole):
            far = cv2.distanceTransform((~whole).astype(np.uint8), cv2.DIST_C, 3)
            bare = (gray[box] >= paper) & ~lines[box]
            margins[box] |= bare & (far > 0) & (far <= _margin_width(far, bare, lines[box]))
    return margins


def _is_framed(whole: np.ndarray) -> bool:
    """Whether a shape has four straight sides."""
    outline, _ = cv2.findContours(whole.astype(np.uint8), cv2.RETR_EXTERNAL,
                                  cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(outline[0])
    return len(cv2.approxPolyDP(hull, 4.0, True)) == 4 and bool(
        whole.sum() >= 0.97 * cv2.contourArea(hull))


def _margin_width(far: np.ndarray, bare: np.ndarray, lines: np.ndarray) -> int:
    """How wide the margin around a frame is, 0 for none, by how far each pixel lies from it."""
    farthest = WIDTHS[1] + BEYOND_LINE + 1
    steps = np.ceil(far).astype(int).clip(0, farthest).ravel()
    total = np.maximum(np.bincount(steps, minlength=farthest + 1), 1)
    is_bare = np.bincount(steps, bare.ravel(), farthest + 1) >= PAPER_SHARE * total
    is_bare[:3] = True  # the frame, and how softly it ends
    width = int(is_bare.argmin()) - 1
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        return 0
    is_ink = np.bincount(steps, lines.ravel(), farthest + 1) > LINE_SHARE * total
    is_line = is_ink[width + 1:width + 4].any() and not is_ink[width + BEYOND_LINE]
    return 0 if is_line else width
