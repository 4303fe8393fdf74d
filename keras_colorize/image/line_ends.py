"""Ends of lines, and the gaps that they point across."""

import cv2
import numpy as np
from skimage.morphology import skeletonize

from keras_colorize.image.tones import disc

# In working pixels.
LINE_END = 8  # a line is at least this long where its end points somewhere
LONG_LINE = 48  # and its ink reaches this far, or it points at nothing
FARTHEST_POINT = 40  # how far the end of a line points


def bridge_gaps(lines: np.ndarray, barrier: np.ndarray) -> np.ndarray:
    """Closes gaps: each end of a line carried on to the line that it points at, if one is near."""
    ends, direction = _line_ends(skeletonize(lines))
    solid = cv2.dilate(barrier.astype(np.uint8), disc(1)) > 0
    bridges = np.zeros(lines.shape, np.uint8)
    steps = np.arange(1, FARTHEST_POINT + 1)
    points = np.round(ends[:, None] + steps[None, :, None] * direction[:, None]).astype(int)
    inside = ((points >= 0) & (points < lines.shape)).all(2)
    points = np.clip(points, 0, np.array(lines.shape) - 1)
    hits = solid[points[..., 0], points[..., 1]]
    hits &= inside & np.maximum.accumulate(~hits, 1)  # not the line itself
    first = hits.argmax(1)
    for index in np.flatnonzero(hits.any(1)):
        start, end = ends[index], points[index, first[index]]
        cv2.line(bridges, (int(start[1]), int(start[0])), (int(end[1]), int(end[0])), 1, 2)
    return bridges > 0


def long_lines(lines: np.ndarray) -> np.ndarray:
    """The lines without the small pieces which stand alone, such as letters of a sound."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= LONG_LINE
    long[0] = False
    return long[pieces]


def _line_ends(thin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of thin lines and where they point: int [n, 2] and unit vectors [n, 2]."""
    padded = np.pad(thin, 1).astype(np.uint8)
    around = cv2.filter2D(padded, -1, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT)
    ends = np.argwhere((padded > 0) & (around == 2))
    offsets = np.array([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c])
    here, before = ends.copy(), ends.copy()
    alive = np.ones(len(ends), bool)
    for _ in range(LINE_END):
        near = here[:, None] + offsets
        open_ = padded[near[..., 0], near[..., 1]] > 0
        open_ &= np.abs(near - before[:, None]).max(2) > (0 if (here == before).all() else 1)
        alive &= open_.any(1)
        following = near[np.arange(len(here)), open_.argmax(1)]
        following[~alive] = here[~alive]
        before, here = here, following
    way = (ends - here).astype(float)
    length = np.hypot(*way.T)
    good = alive & (length >= LINE_END / 2)
    return ends[good] - 1, way[good] / length[good, None]
