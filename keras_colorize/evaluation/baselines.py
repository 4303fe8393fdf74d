"""Baselines that a model must beat: no colour, mean colours, and two systems of 2002 and 2004.

What a function takes as the `condition` is the name of one, "gray", "edge" or "manga".
"""

import zlib
from collections.abc import Callable, Iterable

import cv2
import numpy as np

from keras_colorize.image import palette, pixels, scribbles

Baseline = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From conditions, uint8 [n, h, w, 1], and the truth, uint8 [n, h, w, 3], to pictures like it.

Only `scribble` looks at the truth, for its hints.
"""

Batches = Iterable[tuple[np.ndarray, np.ndarray]]
"""Conditions, uint8 [n, h, w, 1], and colours, uint8 [n, h, w, 3]."""

HINTS = 100  # pixels of a picture whose true colour a person gives, in the tables
AREA = 9  # pixels a side, of the square that a person looks at to see what is wrong


def return_input(condition: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the condition as it is."""
    return np.repeat(condition, 3, axis=-1)


def mean_colour(training: Batches, condition: str) -> Baseline:
    """Returns a baseline of the mean colour of each gray level in training; else of all of it.

    A gray level that training does not show is interpolated between its neighbours.
    """
    counts, sums = np.zeros(256), np.zeros((256, 3))
    for levels, colors in training:
        level = levels.ravel() if condition == "gray" else np.zeros(levels.size, np.uint8)
        counts += np.bincount(level, minlength=256)
        for channel in range(3):
            sums[:, channel] += np.bincount(level, colors[..., channel].ravel(), minlength=256)
    known = np.flatnonzero(counts)
    table = np.stack([np.interp(np.arange(256), known, sums[known, channel] / counts[known])
                      for channel in range(3)], axis=1).round().astype(np.uint8)  # [256, 3]
    return lambda levels, truth: table[levels[..., 0]]


def nearest_transfer(training: Batches, condition: str) -> Baseline:
    """Returns a baseline that transfers colour from the training picture with the likest condition.

    It transfers the chroma of gray pictures, and the colour of others, which have no luminance.
    """
    references, generator = palette.References(), np.random.default_rng(0)
    for conditions, colors in training:
        for level, color in zip(conditions[..., 0], colors, strict=True):
            values = pixels.chroma(color) if condition == "gray" else color
            references.add(level, palette.Swatch.of(level, values, generator))

    def colorize(level: np.ndarray) -> np.ndarray:
        swatch = references.nearest(level)
        if condition == "gray":
            return palette.colorize(level, swatch)
        return palette.transfer(level, swatch).astype(np.uint8)

    return lambda conditions, truth: np.stack([colorize(each) for each in conditions[..., 0]])


def scribble(condition: str, hints: int = HINTS, placement: int = 0) -> Baseline:
    """Returns a baseline that spreads the true colours of some pixels, as a person would give them.

    The pixels are random, and the same for the same picture. The chroma of gray pictures is spread,
    and the colour of others.

    Args:
        hints: how many pixels of each picture are given, at least 1.
        placement: another number places them elsewhere.
    """
    def colorize(level: np.ndarray, truth: np.ndarray) -> np.ndarray:
        hinted = true_pixels(level, hints, placement)
        if condition == "gray":
            return scribbles.colorize(level, hinted, truth)
        spread = scribbles.propagate(level, hinted, truth.astype(np.float32))
        return np.clip(np.rint(spread), 0, 255).astype(np.uint8)

    return lambda conditions, truth: np.stack([
        colorize(level, true) for level, true in zip(conditions[..., 0], truth, strict=True)])


def true_pixels(level: np.ndarray, count: int, placement: int = 0) -> np.ndarray:
    """Chooses random pixels of a condition, uint8 [h, w], the same whenever it is the same.

    Args:
        placement: another number places them elsewhere.

    Returns:
        bool [h, w], True at `count` pixels.
    """
    generator = np.random.default_rng([count, zlib.crc32(level.tobytes()), placement])
    return scribbles.random_hints(level.shape, count, generator)


def worst_pixel(painted: np.ndarray, truth: np.ndarray, told: np.ndarray) -> tuple[int, int]:
    """Finds where a person would correct a picture next: amid the square that is wrong most.

    Args:
        painted, truth: uint8 [h, w, 3].
        told: bool [h, w], the pixels that the person has corrected already.

    Returns:
        Row and column, of a pixel that is not among those.
    """
    error = np.abs(painted.astype(np.float32) - truth).mean(axis=-1)
    area = cv2.blur(error, (AREA, AREA), borderType=cv2.BORDER_REFLECT)
    row, column = np.unravel_index(np.where(told, -1, area).argmax(), told.shape)
    return int(row), int(column)
