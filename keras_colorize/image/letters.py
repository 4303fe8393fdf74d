"""Pieces of ink on a printed page, and what tells letters from drawing."""

from typing import NamedTuple

import cv2
import numpy as np

from keras_colorize.image.tones import Tones

INK = 150  # of 255: what is darker is ink
SMALLEST_AREA = 2.5  # working pixels
FEWEST_PIECES = 3  # of a text
MOST_STROKES = 0.6  # of the pieces of a text are single straight strokes
STRAIGHT = 0.6  # working pixels: a stroke deviates less from its axis
SLIM = 6  # or by so much less than it is long: a fold, which ends in a point
FINE = 3  # thickness is measured on a page so many times larger
THICK = 2.5  # times as thick as most of the ink of a text: it was not written with the same pen
MOST_THICK = 0.2  # of the ink of a text


class Pieces(NamedTuple):
    """Connected pieces of ink.

    Attributes:
        gray: uint8 [h, w], the page at its working scale.
        numbers: int32 [h, w], the number of the piece that a pixel belongs to; 0 for paper.
        stats: int32 [pieces, 5], what OpenCV tells of each.
        strokes: bool [pieces], which are single straight strokes, as of hatching and folds.
    """

    gray: np.ndarray
    numbers: np.ndarray
    stats: np.ndarray
    strokes: np.ndarray


def find_pieces(tones: Tones) -> Pieces:
    """Finds the connected pieces of ink of a page."""
    dark = (tones.gray < INK) | tones.ink
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    return Pieces(tones.gray, numbers, stats, _straight_strokes(numbers, count))


def are_of_one_pen(gray: np.ndarray, letters: np.ndarray) -> bool:
    """Whether pieces of ink are about equally thick everywhere, as what is written is.

    In a face, large eyes are black beside the thin lines of a mouth and a nose.

    Args:
        gray: uint8 [h, w].
        letters: bool [h, w], the pieces of ink.
    """
    large = (letters.shape[1] * FINE, letters.shape[0] * FINE)
    near = cv2.dilate(letters.astype(np.uint8), np.ones((3, 3), np.uint8))
    ink = (cv2.resize(gray, large, interpolation=cv2.INTER_CUBIC) < INK) & (
        cv2.resize(near, large, interpolation=cv2.INTER_NEAREST) > 0)
    depth = cv2.distanceTransform(np.pad(ink, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ridge = (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (depth > 0.4 * FINE)
    if not ridge.any():
        return True
    thick = THICK * np.median(depth[ridge])
    far = cv2.distanceTransform((depth < thick).astype(np.uint8), cv2.DIST_L2, 5)
    return bool((ink & (far <= thick)).sum() <= MOST_THICK * ink.sum())


def _straight_strokes(pieces: np.ndarray, count: int) -> np.ndarray:
    """Which pieces are single straight strokes, as of hatching and folds: bool [count]."""
    rows, columns = np.nonzero(pieces)
    owner = pieces[rows, columns]
    number = np.maximum(np.bincount(owner, minlength=count), 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, minlength=count) / number

    y, x = mean(rows), mean(columns)
    yy, xx = mean(rows ** 2.0) - y * y, mean(columns ** 2.0) - x * x
    xy = mean(rows * columns.astype(float)) - x * y
    spread = np.sqrt(((yy - xx) / 2) ** 2 + xy ** 2)
    short, long = (yy + xx) / 2 - spread, (yy + xx) / 2 + spread
    deviates = np.sqrt(np.maximum(short, 0))
    return (deviates < np.maximum(STRAIGHT, np.sqrt(long) / SLIM)) & (long > 3)
